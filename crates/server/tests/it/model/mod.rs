//! Random stories of several people in two chats, played on a server and held to a small reference:
//! who sees what, the transcript, the receipts, the times, the errors by name.
//!
//! A story that goes another way is made as short as it can be and printed. `CHATLOOM_STORIES=5000`
//! plays so many instead of a few, `CHATLOOM_STORIES_SEED=7` others.

mod reference;
mod stage;
mod story;

use std::thread;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use self::story::{
    Act, At, Message, MessageKind, Of, Page, Plan, Rule, Size, Step, Story, Target, Who, any_story,
};

/// Stories wait for the server's clock now and then, so several are played at once.
const LANES: u64 = 6;
const STORIES: u64 = 48;
const SEED: u64 = 20_180_907;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Plays stories until one goes another way than a reference, perhaps without a rule, says.
fn play(
    seed: u64,
    stories: u64,
    shrink: u32,
    without: Option<Rule>,
) -> Result<(), TestError<Story>> {
    let config = Config {
        cases: stories.try_into().unwrap(),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: shrink,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    TestRunner::new(config).run(&any_story(), |story| {
        runtime.block_on(stage::play(&story, without)).map_err(TestCaseError::fail)
    })
}

#[test]
fn whatever_people_do_comes_out_as_the_reference_says() {
    let seed = number("CHATLOOM_STORIES_SEED", SEED);
    let stories = number("CHATLOOM_STORIES", STORIES).div_ceil(LANES);
    thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                if let Err(error) = play(seed + lane, stories, 500, None) {
                    panic!("lane {lane} of seed {seed}: {error}");
                }
            });
        }
    });
}

/// For each rule a story that tells a reference without it from the server.
fn tales() -> [(Rule, Vec<Step>); 13] {
    use Act::{Accept, AddBot, Open, Pass, Read, Receipt, Say, StartFile, Transfer, Typing};
    use Who::{Ana, Ben, Bot, Customer};

    let create = Act::Create { mark: false };
    let tale = |acts: &[(Who, Act)]| {
        let coming = [(Customer, create), (Customer, Open)];
        let steps = coming.iter().chain(acts).map(|&(who, act)| Step { chat: 0, who, act });
        steps.collect::<Vec<_>>()
    };
    let (direction, most, from) = (None, None, At::Newest);
    let read = Read(Page { direction, ascending: true, most, from, of: Of::All });
    let (to_ben, to_queue) = (
        Transfer { to: Target::Ben, initial: true },
        Transfer { to: Target::Default, initial: false },
    );
    let message = |kind| Message { kind, size: Size::Short, letter: 'a' };
    let (text, markdown) = (message(MessageKind::Text), message(MessageKind::Markdown));
    let file = StartFile { genuine: true, large: false };
    [
        (Rule::TypingIsNotKept, tale(&[(Customer, Typing), (Customer, read)])),
        (Rule::TokensExpire, tale(&[(Customer, Pass(24 * 3_600_000)), (Customer, read)])),
        (
            Rule::RepeatsAreKnown,
            tale(&[(Customer, Say(text, Some(0))), (Customer, Say(text, Some(0)))]),
        ),
        (
            Rule::ReceiptsNeedTwo,
            tale(&[
                (Customer, Say(text, None)),
                (Customer, Receipt { about: Some(0), read: true }),
            ]),
        ),
        (Rule::BotsHaveNoFiles, tale(&[(Bot, AddBot), (Bot, create), (Bot, file)])),
        (Rule::OneBotAtATime, tale(&[(Bot, AddBot), (Bot, AddBot)])),
        (Rule::TypesAreChecked, tale(&[(Customer, Say(markdown, None))])),
        (Rule::TimesGrow, tale(&[(Customer, Say(text, None)), (Customer, Say(text, None))])),
        (
            Rule::WhoLeftSeesNoMore,
            tale(&[(Bot, AddBot), (Bot, create), (Bot, Open), (Ana, Accept)]),
        ),
        (
            Rule::WhoHandedOnSeesNoMore,
            tale(&[(Ana, Accept), (Ana, create), (Ana, Open), (Ana, to_queue)]),
        ),
        (
            Rule::WhoIsMeantHasTheFirstWord,
            tale(&[(Ana, Accept), (Ben, Accept), (Ana, to_ben), (Ana, Accept)]),
        ),
        (Rule::WhoIsAwayIsGivenNobody, tale(&[(Ana, Accept), (Ana, to_ben)])),
        (Rule::TransfersAreNewContacts, tale(&[(Ana, Accept), (Ana, to_queue), (Ana, Accept)])),
    ]
}

#[tokio::test]
async fn a_reference_that_forgets_a_rule_is_found_out() {
    let plan = Plan { all_types: false, first: None, minutes: 10_080, agents_leave_too: false };
    for (rule, steps) in tales() {
        let story = Story { chats: vec![plan], steps };
        assert_eq!(Box::pin(stage::play(&story, None)).await, Ok(()), "{rule:?}");
        let found = Box::pin(stage::play(&story, Some(rule))).await;
        assert!(found.is_err(), "nobody missed {rule:?}");
    }
}

#[test]
fn a_story_that_goes_wrong_is_made_short() {
    let found = play(SEED, 100, 120, Some(Rule::TypingIsNotKept));
    let Err(TestError::Fail(_, story)) = found else { panic!("not found: {found:?}") };
    // To come, to type, to say or read something after it.
    assert!(story.steps.len() < 10, "{story:#?}");
}
