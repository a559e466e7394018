//! What a line that somebody typed asks for.

use chatloom::agent::TransferTo;

use crate::{
    console::{Choice, Command, Role, Said, message},
    file::Fetch,
    text::clean,
};

/// What a line asks for; `None` when for nothing.
pub(super) fn read(line: &str, role: Role) -> Option<Said> {
    let line = line.trim();
    if line.is_empty() {
        return None;
    }
    let Some(command) = line.strip_prefix('/').filter(|rest| !rest.starts_with('/')) else {
        // `//x` is how to say `/x`.
        let content = line.strip_prefix('/').unwrap_or(line);
        return Some(Command::Send(message(content.to_owned(), None)).into());
    };
    let (word, argument) = command.split_once(' ').unwrap_or((command, ""));
    let command = match (word, argument.trim(), role) {
        ("quit" | "q", "", _) => Command::Quit,
        ("end", "", _) => Command::Disconnect,
        ("transcript", "", _) => Command::Transcript,
        ("send", path, _) if !path.is_empty() => Command::Attach(path.into()),
        ("save", path, _) if !path.is_empty() => {
            Command::Fetch(Fetch { id: None, to: path.into() })
        }
        ("help" | "h" | "?", "", _) => Command::Help,
        ("queue", "", Role::Agent) => Command::Queue,
        ("accept", "", Role::Agent) => Command::Accept(Choice::Longest),
        ("accept", place, Role::Agent) => match place.parse() {
            Ok(place) if place > 0 => Command::Accept(Choice::Place(place)),
            _ => return Some(Said::Nonsense(format!("/accept takes a number, not {place:?}"))),
        },
        ("transfer", to, Role::Agent) if !matches!(to, "" | "@") => {
            Command::Transfer(match to.strip_prefix('@') {
                Some(user) => TransferTo::User(user.to_owned()),
                None => TransferTo::Queue(to.to_owned()),
            })
        }
        _ => {
            return Some(Said::Nonsense(format!(
                "there is no command /{}; /help shows those there are, and //{0} says /{0}",
                clean(word)
            )));
        }
    };
    Some(command.into())
}

pub(super) fn help(role: Role) -> &'static str {
    match role {
        Role::Customer => {
            "\
Type a message and press Enter to send it; ✓ means that it is stored.
/send FILE   send a file
/save FILE   save the newest file of the others as FILE
/transcript  show the whole chat
/end, /quit  leave the chat
//…          a message that begins with /"
        }
        Role::Agent => {
            "\
/queue       show who is waiting
/accept [n]  take the one who waits longest, or number n of the list
Type a message and press Enter to send it; ✓ means that it is stored.
/send FILE   send a file
/save FILE   save the newest file of the others as FILE
/transcript  show the whole chat
/transfer @USER, /transfer QUEUE
             hand the customer on to another agent or a queue
/end         end the chat
/quit        end the chat, if there is one, and leave
//…          a message that begins with /"
        }
    }
}

#[cfg(test)]
mod tests {
    use chatloom::Message;

    use super::*;

    #[test]
    fn lines_are_messages_and_commands() {
        let send = |content: &str| Some(Command::Send(Message::text(content)).into());
        let command = |command: Command| Some(command.into());
        for (line, role, expected) in [
            ("  hello ", Role::Customer, send("hello")),
            ("", Role::Customer, None),
            ("//quit", Role::Customer, send("/quit")),
            ("/quit", Role::Customer, command(Command::Quit)),
            ("/end", Role::Agent, command(Command::Disconnect)),
            ("/transcript", Role::Customer, command(Command::Transcript)),
            ("/help", Role::Customer, command(Command::Help)),
            ("/send my file.pdf", Role::Customer, command(Command::Attach("my file.pdf".into()))),
            (
                "/save /tmp/a.pdf",
                Role::Agent,
                command(Command::Fetch(Fetch { id: None, to: "/tmp/a.pdf".into() })),
            ),
            ("/queue", Role::Agent, command(Command::Queue)),
            ("/accept", Role::Agent, command(Command::Accept(Choice::Longest))),
            ("/accept  2", Role::Agent, command(Command::Accept(Choice::Place(2)))),
            (
                "/transfer @ben",
                Role::Agent,
                command(Command::Transfer(TransferTo::User("ben".to_owned()))),
            ),
            (
                "/transfer  second level",
                Role::Agent,
                command(Command::Transfer(TransferTo::Queue("second level".to_owned()))),
            ),
        ] {
            assert_eq!(read(line, role), expected, "{line}");
        }
        for (line, role) in [
            ("/accept", Role::Customer),
            ("/accept 0", Role::Agent),
            ("/accept x", Role::Agent),
            ("/transfer", Role::Agent),
            ("/transfer @", Role::Agent),
            ("/transfer @ben", Role::Customer),
            ("/quit now", Role::Agent),
            ("/send", Role::Agent),
            ("/save ", Role::Customer),
            ("/", Role::Agent),
        ] {
            assert!(matches!(read(line, role), Some(Said::Nonsense(_))), "{line}");
        }
    }
}
