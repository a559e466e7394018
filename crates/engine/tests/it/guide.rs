//! What the flow says for the control plane, and a customer who is asked to sign in.

use chatloom_engine::{
    Assistant, Command,
    guide::{Agreed, Guide, SignedIn},
    token::{Keys, TokenError},
};
use chatloom_wire::{ContentType, Timestamp};

use crate::world::{ANA, CUSTOMER, MINUTE, World, accept, connect, rules, say};

const SESSION: &str = "01234567-89ab-4cde-8f01-23456789abcd";

fn ask(minutes: u8) -> Command {
    Command::Guide(Guide::AskToSignIn { session: SESSION.to_owned(), minutes })
}

fn begin(participant: &str, session: &str) -> Command {
    let agreed = Agreed {
        redirect_uri: "https://shop.example/back".to_owned(),
        verifier: "secret-verifier".to_owned(),
        nonce: "secret-nonce".to_owned(),
        has_code: false,
    };
    let (participant, session) = (participant.into(), session.to_owned());
    Command::Guide(Guide::BeginSignIn { participant, session, agreed })
}

fn decline(participant: &str) -> Command {
    let (participant, session) = (participant.into(), SESSION.to_owned());
    Command::Guide(Guide::DeclineSignIn { participant, session })
}

fn end(outcome: SignedIn) -> Command {
    Command::Guide(Guide::EndSignIn { session: SESSION.to_owned(), outcome })
}

fn asked() -> World {
    let mut world = World::new(rules(Some(Assistant::default())), "");
    world.run(&connect(CUSTOMER)).unwrap();
    let told = world.run(&ask(3)).unwrap();
    assert_eq!(told, [format!("SYSTEM: {{\"SessionId\":\"{SESSION}\"}}")]);
    let text = &world.log.last().unwrap().text;
    assert!(
        text.contains("event.authentication.initiated") && text.contains("\"EVENT\""),
        "{text}"
    );
    world
}

fn refused(world: &mut World, command: &Command) -> String {
    let before = world.chat.clone();
    let error = world.run(command).unwrap_err();
    assert_eq!(world.chat, before);
    error
}

#[test]
fn who_signs_in_is_called_by_name() {
    let mut world = asked();
    world.pass(59_999).run(&begin(CUSTOMER, SESSION)).unwrap();
    world.pass(2 * MINUTE);
    let told = world.run(&end(SignedIn::Yes(Some(" Jane ".to_owned())))).unwrap();
    assert_eq!(
        told,
        ["SYSTEM authentication.succeeded", "CUSTOMER participant.displayname.updated"]
    );
    assert!(world.log.last().unwrap().text.contains("\"DisplayName\":\"Jane\""));
    assert_eq!(world.chat.customer().name, "Jane");
    let status = &world.chat.record.segment_attributes["connect:CustomerAuthentication"];
    let status = &status.value_map.as_ref().unwrap()["Status"];
    assert_eq!(status.value_string.as_deref(), Some("AUTHENTICATED"));
    world.run(&say(CUSTOMER, "it is me")).unwrap();
    assert!(
        world.log.iter().any(|entry| entry.text.contains("it is me")
            && entry.text.contains("\"DisplayName\":\"Jane\""))
    );
    // Once is enough.
    assert_eq!(refused(&mut world, &end(SignedIn::No)), "ConflictException");
    world.run(&ask(15)).unwrap();
}

#[test]
fn who_does_not_sign_in_stays_who_they_are() {
    for (outcome, told) in [
        (end(SignedIn::No), &["SYSTEM authentication.failed"][..]),
        (end(SignedIn::Yes(None)), &["SYSTEM authentication.succeeded"]),
        (end(SignedIn::Yes(Some(" ".to_owned()))), &["SYSTEM authentication.succeeded"]),
        (decline(CUSTOMER), &["SYSTEM authentication.cancelled"]),
    ] {
        let mut world = asked();
        world.run(&begin(CUSTOMER, SESSION)).unwrap();
        assert_eq!(world.run(&outcome).unwrap(), told);
        assert_eq!(world.chat.customer().name, "Cleo");
        assert_eq!(world.chat.sign_in, None);
    }
    // Declined without having looked.
    assert_eq!(asked().run(&decline(CUSTOMER)).unwrap(), ["SYSTEM authentication.cancelled"]);
}

#[test]
fn a_code_is_taken_once() {
    let take = Command::Guide(Guide::TakeCode { session: SESSION.to_owned() });
    let mut world = asked();
    assert_eq!(refused(&mut world, &take), "ConflictException", "not begun");
    world.run(&begin(CUSTOMER, SESSION)).unwrap();
    assert_eq!(world.run(&take).unwrap(), [""; 0]);
    assert_eq!(refused(&mut world, &take), "ConflictException");
    world.run(&end(SignedIn::Yes(None))).unwrap();
    assert_eq!(refused(&mut world, &take), "ConflictException");
}

#[test]
fn the_page_asks_once_and_within_a_minute() {
    let mut world = asked();
    let other = "99999999-89ab-4cde-8f01-23456789abcd";
    assert_eq!(refused(&mut world, &begin(CUSTOMER, other)), "ValidationException");
    assert_eq!(refused(&mut world, &end(SignedIn::No)), "ConflictException", "not begun");
    world.run(&begin(CUSTOMER, SESSION)).unwrap();
    assert_eq!(refused(&mut world, &begin(CUSTOMER, SESSION)), "ValidationException");
    let mut world = asked();
    world.pass(60_000);
    assert_eq!(refused(&mut world, &begin(CUSTOMER, SESSION)), "ValidationException");
    // It is still the customer's to decline.
    world.run(&decline(CUSTOMER)).unwrap();
    let mut world = World::with_ana("");
    world.run(&ask(3)).unwrap();
    assert_eq!(refused(&mut world, &begin(ANA, SESSION)), "ValidationException");
    assert_eq!(refused(&mut world, &decline(ANA)), "ValidationException");
}

#[test]
fn the_time_runs_out() {
    for minutes in [3, 15] {
        let mut world = World::new(rules(None), "");
        world.run(&connect(CUSTOMER)).unwrap();
        world.run(&ask(minutes)).unwrap();
        world.run(&begin(CUSTOMER, SESSION)).unwrap();
        let due = world.chat.next_due().unwrap();
        assert_eq!(due, world.now.plus_millis(i64::from(minutes) * MINUTE));
        let time_passed = Command::TimePassed { heard: Vec::new() };
        world.now = due.plus_millis(-1);
        assert_eq!(world.run(&time_passed).unwrap(), [""; 0]);
        world.now = due;
        // Too late counts from its moment on.
        assert_eq!(refused(&mut world, &end(SignedIn::No)), "ConflictException");
        assert_eq!(refused(&mut world, &decline(CUSTOMER)), "ValidationException");
        assert_eq!(world.run(&time_passed).unwrap(), ["SYSTEM authentication.timeout"]);
        assert!(world.chat.next_due().unwrap() > due, "the chat goes on");
        world.run(&ask(3)).unwrap();
    }
}

#[test]
fn only_a_conversation_is_asked() {
    let mut world = World::new(rules(None), "");
    assert_eq!(refused(&mut world, &ask(3)), "InvalidRequestException", "nobody is there yet");
    world.run(&connect(CUSTOMER)).unwrap();
    world.run(&ask(3)).unwrap();
    assert_eq!(refused(&mut world, &ask(3)), "ConflictException");
    world.run(&accept("ana", ANA)).unwrap();
    world.run(&begin(CUSTOMER, SESSION)).unwrap();
    world.run(&Command::Stop).unwrap();
    assert_eq!(refused(&mut world, &end(SignedIn::Yes(None))), "ConflictException");
    assert_eq!(refused(&mut world, &ask(3)), "InvalidRequestException");
    assert_eq!(world.chat.next_due(), None);
}

#[test]
fn the_flow_shows_what_the_chat_supports() {
    let interactive = ContentType::Interactive;
    let show = |content_type| Command::Guide(Guide::Say { content_type, content: "{}".to_owned() });
    let mut world = World::new(rules(None), "");
    assert_eq!(refused(&mut world, &show(ContentType::TextPlain)), "InvalidRequestException");
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(world.run(&show(ContentType::TextPlain)).unwrap(), ["SYSTEM: {}"]);
    assert_eq!(refused(&mut world, &show(interactive.clone())), "InvalidRequestException");
    let types = format!(r#""SupportedMessagingContentTypes":["text/plain","{interactive}"]"#);
    let mut world = World::new(rules(None), &types);
    world.run(&connect(CUSTOMER)).unwrap();
    assert_eq!(world.run(&show(interactive)).unwrap(), ["SYSTEM: {}"]);
}

#[test]
fn what_is_agreed_is_kept_and_not_printed() {
    let mut world = asked();
    world.run(&begin(CUSTOMER, SESSION)).unwrap();
    let text = serde_json::to_string(&world.chat).unwrap();
    assert_eq!(serde_json::from_str::<chatloom_engine::Chat>(&text).unwrap(), world.chat);
    let printed = format!("{:?} {:?}", world.chat.sign_in, begin(CUSTOMER, SESSION));
    assert!(!printed.contains("secret") && !printed.contains(SESSION), "{printed}");
}

#[test]
fn tokens_of_views_and_sign_ins_are_good_for_one_thing() {
    let keys = Keys::new(b"thirty-two bytes or more of secret").unwrap();
    let now = Timestamp::from_millis(1_790_000_000_000);
    let end = now.plus_millis(1_000);
    let (chat, other) = ("chat".into(), "other".into());
    let view = keys.mint_view(&chat, "views/one:$LATEST", end).unwrap();
    assert_eq!(keys.view(&view, &chat, now).as_deref(), Ok("views/one:$LATEST"));
    assert_eq!(keys.view(&view, &other, now), Err(TokenError::OtherSeat));
    assert_eq!(keys.view(&view, &chat, end), Err(TokenError::Expired));
    let state = keys.mint_sign_in(&chat, SESSION, end).unwrap();
    assert_eq!(keys.sign_in(&state, now), Ok((chat.clone(), SESSION.to_owned())));
    assert_eq!(keys.sign_in(&state, end), Err(TokenError::Expired));
    assert_eq!(keys.sign_in(&view, now), Err(TokenError::OtherUse));
    assert_eq!(keys.view(&state, &chat, now), Err(TokenError::OtherUse));
    // The longest id of a view still fits.
    assert!(keys.mint_view(&SESSION.into(), &"v".repeat(500), end).is_ok());
}
