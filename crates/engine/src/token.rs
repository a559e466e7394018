//! Signed tokens: what participants, sockets, agents and pages are known by.
//!
//! A token carries what it stands for and until when, signed with a secret of the server. So it is
//! verified without a question to the database, on every node that has the secret. It is not
//! encrypted: ids are all it holds. Peers take it as opaque.
//!
//! A token is good for one use. A participant token opens no socket, and a page of one participant's
//! transcript is not another's.
//!
//! ```
//! use chatloom_engine::token::{Keys, Seat, SeatUse, TokenError};
//! use chatloom_wire::{ParticipantRole, Timestamp};
//!
//! let keys = Keys::new(b"thirty-two bytes or more of secret")?;
//! let seat = Seat {
//!     chat: "11111111-2222-4333-8444-555555555555".into(),
//!     participant: "66666666-7777-4888-8999-aaaaaaaaaaaa".into(),
//!     role: ParticipantRole::Customer,
//! };
//! let now = Timestamp::from_millis(1_790_000_000_000);
//! let token = keys.mint_seat(SeatUse::Connection, &seat, now.plus_millis(1_000))?;
//!
//! assert_eq!(keys.seat(SeatUse::Connection, &token, now), Ok(seat));
//! assert_eq!(keys.seat(SeatUse::Socket, &token, now), Err(TokenError::OtherUse));
//! assert_eq!(
//!     keys.seat(SeatUse::Connection, &token, now.plus_millis(1_000)),
//!     Err(TokenError::Expired)
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Form
//!
//! base64url without padding of: version (1 byte), use (1), end in milliseconds since 1970 (6), the
//! ids, and the first 16 bytes of an HMAC-SHA256 over all of that. Numbers are big-endian. A text is
//! its length (2 bytes) and its bytes; an id that is a UUID is the length 65535 and its 16 bytes.

use std::{
    fmt,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chatloom_wire::{
    AttachmentId, ContactId, ErrorKind, ParticipantId, ParticipantRole, ServiceError, Timestamp,
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::uuid;

/// The longest token, in characters (docs/protocol/participant-service.md §1.4).
pub const MAX_TOKEN_CHARS: usize = 1_000;

/// The shortest secret that is taken, in bytes: as long as the signature's hash.
pub const MIN_SECRET_BYTES: usize = 32;

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 16;
const MAX_TOKEN_BYTES: usize = MAX_TOKEN_CHARS / 4 * 3;
/// The length that announces a UUID; no text in a token is that long.
const UUID_MARK: u16 = u16::MAX;

/// A place in a chat: who may do something there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seat {
    /// The chat.
    pub chat: ContactId,
    /// The participant.
    pub participant: ParticipantId,
    /// What they are there.
    pub role: ParticipantRole,
}

/// What a participant's token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SeatUse {
    /// Getting a connection: the participant token.
    Participant = 1,
    /// Every other call: the connection token.
    Connection = 2,
    /// Opening a socket: in its URL.
    Socket = 3,
}

/// What an agent's token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AgentUse {
    /// Calling the agent API.
    Calls = 4,
    /// Opening the agent's socket: in its URL.
    Socket = 5,
}

const PAGE_USE: u8 = 6;
// 7 and 8 are for files.
const VIEW_USE: u8 = 9;
const SIGN_IN_USE: u8 = 10;

/// What a file's token is for: each stands in a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FileUse {
    /// Uploading it.
    Upload = 7,
    /// Downloading it.
    Download = 8,
}

/// A file of a chat, as its URL names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePass {
    /// The chat.
    pub chat: ContactId,
    /// The file.
    pub attachment: AttachmentId,
    /// Whether a browser may show it in a page; else it offers to save it.
    pub inline: bool,
}

/// Where the next page of a transcript begins, and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage {
    /// The chat.
    pub chat: ContactId,
    /// Who reads.
    pub participant: ParticipantId,
    /// The one contact that is read; all of the chat without one.
    pub contact: Option<ContactId>,
    /// Towards newer items, else towards older ones.
    pub forward: bool,
    /// Newest first on a page, else oldest first.
    pub descending: bool,
    /// The place of the first item.
    pub place: u64,
    /// The chat of the past that is read, by its index; the present one without an index.
    pub past: Option<u8>,
}

/// The secrets that sign and verify. The first signs; tokens of all are good, so that a secret can be
/// changed while tokens of the former one live on. They can be exchanged while they are used.
pub struct Keys {
    keys: RwLock<Vec<Key>>,
}

struct Key {
    /// Has taken in its secret already, which is half the work of a short signature.
    mac: Hmac<Sha256>,
    /// From when on it verifies nothing any more.
    until: Option<Timestamp>,
}

/// Without the secrets.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} redacted)", self.read().len())
    }
}

/// A secret is too short to keep anybody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing key has {bytes} bytes; it needs {MIN_SECRET_BYTES} or more of randomness")]
pub struct ShortSecret {
    /// How long it is.
    pub bytes: usize,
}

/// An id is too long to be carried by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token would have {chars} characters, {MAX_TOKEN_CHARS} are allowed; use shorter ids")]
pub struct TokenTooLong {
    /// How long the token would be.
    pub chars: usize,
}

/// Why a token is not good here. For logs and metrics: peers are told the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenError {
    /// It is no token of ours.
    #[error("not a token")]
    Malformed,
    /// It was changed, or signed with another secret.
    #[error("the signature does not match")]
    Signature,
    /// It is for something else.
    #[error("a token for another use")]
    OtherUse,
    /// It belongs to another chat or participant.
    #[error("a token of another chat or participant")]
    OtherSeat,
    /// It was good once.
    #[error("an expired token")]
    Expired,
}

/// What peers are told of a bearer token (docs/protocol/participant-service.md §2.1).
impl From<TokenError> for ServiceError {
    fn from(_: TokenError) -> Self {
        Self::new(ErrorKind::AccessDenied, "Access denied: the token is wrong or has expired")
    }
}

impl Keys {
    /// Signs and verifies with this secret.
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecret> {
        let first = Key { mac: keyed(secret)?, until: None };
        Ok(Self { keys: RwLock::new(vec![first]) })
    }

    /// Verifies with an earlier secret as well, before `until` if there is one. Each one costs a
    /// forged token one more signature.
    pub fn with_earlier(
        self,
        secret: &[u8],
        until: Option<Timestamp>,
    ) -> Result<Self, ShortSecret> {
        let earlier = Key { mac: keyed(secret)?, until };
        self.keys.write().unwrap_or_else(PoisonError::into_inner).push(earlier);
        Ok(self)
    }

    /// From now on, others. Tokens that none of them verifies are over.
    pub fn replace(&self, by: Self) {
        let by = by.keys.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = by;
    }

    /// Nobody panics while holding the lock, and what it guards is whole at any moment.
    fn read(&self) -> RwLockReadGuard<'_, Vec<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token for a participant, good before `end`.
    pub fn mint_seat(
        &self,
        of_use: SeatUse,
        seat: &Seat,
        end: Timestamp,
    ) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(of_use as u8, end);
        writer.id(seat.chat.as_str());
        writer.id(seat.participant.as_str());
        writer.id(seat.role.as_str());
        self.sign(writer)
    }

    /// Whose token it is.
    pub fn seat(&self, of_use: SeatUse, token: &str, now: Timestamp) -> Result<Seat, TokenError> {
        self.seat_until(of_use, token, now).map(|(seat, _)| seat)
    }

    /// Whose token it is, and the time before which it is good.
    pub fn seat_until(
        &self,
        of_use: SeatUse,
        token: &str,
        now: Timestamp,
    ) -> Result<(Seat, Timestamp), TokenError> {
        self.verify(of_use as u8, token, now, |reader, end| {
            let seat = Seat {
                chat: reader.id()?.as_str().into(),
                participant: reader.id()?.as_str().into(),
                role: reader.id()?.as_str().into(),
            };
            Some((seat, end))
        })
    }

    /// A token for an agent, by user id, good before `end`.
    pub fn mint_agent(
        &self,
        of_use: AgentUse,
        user: &str,
        end: Timestamp,
    ) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(of_use as u8, end);
        writer.id(user);
        self.sign(writer)
    }

    /// The user id of the agent whose token it is.
    pub fn agent(
        &self,
        of_use: AgentUse,
        token: &str,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        self.verify(of_use as u8, token, now, |reader, _| Some(reader.id()?.as_str().to_owned()))
    }

    /// A `NextToken`, good before `end`.
    pub fn mint_page(&self, page: &NextPage, end: Timestamp) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(PAGE_USE, end);
        writer.id(page.chat.as_str());
        writer.id(page.participant.as_str());
        writer.bytes(&[
            u8::from(page.forward)
                | u8::from(page.descending) << 1
                | u8::from(page.past.is_some()) << 2,
            u8::from(page.contact.is_some()),
        ]);
        if let Some(contact) = &page.contact {
            writer.id(contact.as_str());
        }
        writer.bytes(&page.place.to_be_bytes());
        if let Some(past) = page.past {
            writer.bytes(&[past]);
        }
        self.sign(writer)
    }

    /// What a `NextToken` stands for, if it was given to this participant of this chat.
    pub fn page(&self, token: &str, seat: &Seat, now: Timestamp) -> Result<NextPage, TokenError> {
        let page = self.verify(PAGE_USE, token, now, |reader, _| {
            let (chat, participant) = (reader.id()?, reader.id()?);
            let [how, has_contact] = reader.bytes()?;
            let contact = if has_contact == 0 { None } else { Some(reader.id()?) };
            Some(NextPage {
                chat: chat.as_str().into(),
                participant: participant.as_str().into(),
                contact: contact.map(|contact| contact.as_str().into()),
                forward: how & 1 != 0,
                descending: how & 2 != 0,
                place: u64::from_be_bytes(reader.bytes()?),
                past: if how & 4 == 0 { None } else { Some(reader.bytes::<1>()?[0]) },
            })
        })?;
        if page.chat != seat.chat || page.participant != seat.participant {
            return Err(TokenError::OtherSeat);
        }
        Ok(page)
    }

    /// A token for a file's URL, good before `end`.
    pub fn mint_file(
        &self,
        of_use: FileUse,
        pass: &FilePass,
        end: Timestamp,
    ) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(of_use as u8, end);
        writer.id(pass.chat.as_str());
        writer.id(pass.attachment.as_str());
        writer.bytes(&[u8::from(pass.inline)]);
        self.sign(writer)
    }

    /// Which file a URL's token is for.
    pub fn file(
        &self,
        of_use: FileUse,
        token: &str,
        now: Timestamp,
    ) -> Result<FilePass, TokenError> {
        self.verify(of_use as u8, token, now, |reader, _| {
            Some(FilePass {
                chat: reader.id()?.as_str().into(),
                attachment: reader.id()?.as_str().into(),
                inline: reader.bytes::<1>()? != [0],
            })
        })
    }

    /// What a chat shows a view by, good before `end`.
    pub fn mint_view(
        &self,
        chat: &ContactId,
        view: &str,
        end: Timestamp,
    ) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(VIEW_USE, end);
        writer.id(chat.as_str());
        writer.id(view);
        self.sign(writer)
    }

    /// The view that a token stands for, if it was shown in this chat.
    pub fn view(
        &self,
        token: &str,
        chat: &ContactId,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        let (shown_in, view) = self.verify(VIEW_USE, token, now, |reader, _| {
            Some((reader.id()?.as_str().to_owned(), reader.id()?.as_str().to_owned()))
        })?;
        if shown_in != chat.as_str() {
            return Err(TokenError::OtherSeat);
        }
        Ok(view)
    }

    /// The `state` that goes with a customer to where they sign in, good before `end`.
    pub fn mint_sign_in(
        &self,
        chat: &ContactId,
        session: &str,
        end: Timestamp,
    ) -> Result<String, TokenTooLong> {
        let mut writer = Writer::new(SIGN_IN_USE, end);
        writer.id(chat.as_str());
        writer.id(session);
        self.sign(writer)
    }

    /// The chat and the session of a `state`.
    pub fn sign_in(&self, state: &str, now: Timestamp) -> Result<(ContactId, String), TokenError> {
        self.verify(SIGN_IN_USE, state, now, |reader, _| {
            Some((reader.id()?.as_str().into(), reader.id()?.as_str().to_owned()))
        })
    }

    fn sign(&self, writer: Writer) -> Result<String, TokenTooLong> {
        let Writer(mut bytes) = writer;
        let mut mac = self.read()[0].mac.clone();
        mac.update(&bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes()[..SIGNATURE_BYTES]);
        let token = URL_SAFE_NO_PAD.encode(&bytes);
        if token.len() > MAX_TOKEN_CHARS {
            return Err(TokenTooLong { chars: token.len() });
        }
        Ok(token)
    }

    fn verify<T>(
        &self,
        of_use: u8,
        token: &str,
        now: Timestamp,
        read: impl FnOnce(&mut Reader<'_>, Timestamp) -> Option<T>,
    ) -> Result<T, TokenError> {
        let mut buffer = [0; MAX_TOKEN_BYTES];
        let length =
            URL_SAFE_NO_PAD.decode_slice(token, &mut buffer).map_err(|_| TokenError::Malformed)?;
        let (signed, signature) = buffer[..length]
            .split_last_chunk::<SIGNATURE_BYTES>()
            .filter(|(signed, _)| signed.len() > HEAD_BYTES)
            .ok_or(TokenError::Malformed)?;
        // In constant time. What the token says is read only after this.
        let is_ours = self.read().iter().any(|key| {
            let mut mac = key.mac.clone();
            mac.update(signed);
            key.until.is_none_or(|until| now < until)
                && mac.verify_truncated_left(signature).is_ok()
        });
        if !is_ours {
            return Err(TokenError::Signature);
        }
        let mut reader = Reader(signed);
        let [version, token_use, end @ ..] =
            reader.bytes::<HEAD_BYTES>().ok_or(TokenError::Malformed)?;
        if version != VERSION {
            return Err(TokenError::Malformed);
        }
        if token_use != of_use {
            return Err(TokenError::OtherUse);
        }
        let end = end.iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
        if now.as_millis() >= end {
            return Err(TokenError::Expired);
        }
        read(&mut reader, Timestamp::from_millis(end))
            .filter(|_| reader.0.is_empty())
            .ok_or(TokenError::Malformed)
    }
}

fn keyed(secret: &[u8]) -> Result<Hmac<Sha256>, ShortSecret> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(ShortSecret { bytes: secret.len() });
    }
    Ok(Hmac::new_from_slice(secret).expect("HMAC takes a secret of any length"))
}

struct Writer(Vec<u8>);

impl Writer {
    fn new(of_use: u8, end: Timestamp) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&[VERSION, of_use]);
        // The years that a Timestamp holds fit into 48 bits; before 1970 everything has ended.
        bytes.extend_from_slice(&end.as_millis().max(0).to_be_bytes()[2..]);
        Self(bytes)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// A UUID takes half the room of its text.
    fn id(&mut self, id: &str) {
        if let Some(bits) = uuid::from_text(id) {
            self.bytes(&UUID_MARK.to_be_bytes());
            self.bytes(&bits.to_be_bytes());
        } else {
            // A text too long for its length is too long for a token by far, which `sign` says.
            let length = u16::try_from(id.len()).unwrap_or(UUID_MARK - 1);
            self.bytes(&length.to_be_bytes());
            self.bytes(id.as_bytes());
        }
    }
}

struct Reader<'a>(&'a [u8]);

enum Id<'a> {
    Uuid(uuid::Text),
    Text(&'a str),
}

impl Id<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Uuid(text) => text.as_str(),
            Self::Text(text) => text,
        }
    }
}

impl<'a> Reader<'a> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn id(&mut self) -> Option<Id<'a>> {
        let length = u16::from_be_bytes(self.bytes()?);
        if length == UUID_MARK {
            return Some(Id::Uuid(uuid::to_text(u128::from_be_bytes(self.bytes()?))));
        }
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Id::Text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn keys() -> Keys {
        Keys::new(&[7; MIN_SECRET_BYTES]).unwrap()
    }

    fn end() -> Timestamp {
        NOW.plus_millis(60_000)
    }

    fn seat() -> Seat {
        Seat {
            chat: "0b2cbb7f-7a4e-4d3a-9a6c-1c7b0a1c2d3e".into(),
            participant: "5f8e2a10-53c4-4b7e-8d21-6e5f4a3b2c1d".into(),
            role: ParticipantRole::Customer,
        }
    }

    fn page() -> NextPage {
        let Seat { chat, participant, .. } = seat();
        let contact = Some(chat.clone());
        NextPage {
            chat,
            participant,
            contact,
            forward: true,
            descending: false,
            place: 77,
            past: Some(3),
        }
    }

    fn pass() -> FilePass {
        FilePass { chat: seat().chat, attachment: "a-1".into(), inline: true }
    }

    /// One token of each use, and whether a token is taken for it.
    type Taken = Box<dyn Fn(&Keys, &str) -> Result<(), TokenError>>;
    fn every_use(keys: &Keys) -> Vec<(String, Taken)> {
        let mut all: Vec<(String, Taken)> = Vec::new();
        for of_use in [SeatUse::Participant, SeatUse::Connection, SeatUse::Socket] {
            let token = keys.mint_seat(of_use, &seat(), end()).unwrap();
            all.push((token, Box::new(move |keys, token| keys.seat(of_use, token, NOW).map(drop))));
        }
        for of_use in [AgentUse::Calls, AgentUse::Socket] {
            let token = keys.mint_agent(of_use, "ana", end()).unwrap();
            all.push((
                token,
                Box::new(move |keys, token| keys.agent(of_use, token, NOW).map(drop)),
            ));
        }
        for of_use in [FileUse::Upload, FileUse::Download] {
            let token = keys.mint_file(of_use, &pass(), end()).unwrap();
            all.push((token, Box::new(move |keys, token| keys.file(of_use, token, NOW).map(drop))));
        }
        let token = keys.mint_page(&page(), end()).unwrap();
        all.push((token, Box::new(|keys, token| keys.page(token, &seat(), NOW).map(drop))));
        all
    }

    #[test]
    fn each_token_is_good_for_its_own_use_only() {
        let keys = keys();
        let every_use = every_use(&keys);
        for (at, (token, _)) in every_use.iter().enumerate() {
            for (other, (_, taken)) in every_use.iter().enumerate() {
                let expected = if at == other { Ok(()) } else { Err(TokenError::OtherUse) };
                assert_eq!(taken(&keys, token), expected, "use {at} as {other}");
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let keys = keys();
        for (token, taken) in every_use(&keys) {
            let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let changed = URL_SAFE_NO_PAD.encode(&changed);
                assert_eq!(taken(&keys, &changed), Err(TokenError::Signature), "bit {bit}");
            }
            for length in 0..token.len() {
                assert!(taken(&keys, &token[..length]).is_err(), "cut to {length}");
            }
            for at in 0..token.len() {
                // Another character in each place, also in the unused bits of the last one.
                for other in ["A", "_", "=", "+", "\u{0}", "é"] {
                    let mut changed = token.clone();
                    changed.replace_range(at..=at, other);
                    assert!(changed == token || taken(&keys, &changed).is_err(), "{other} at {at}");
                }
            }
            assert!(taken(&keys, &format!("{token}A")).is_err(), "something behind it");
        }
    }

    #[test]
    fn a_token_ends_at_its_millisecond() {
        let keys = keys();
        let token = keys.mint_seat(SeatUse::Socket, &seat(), end()).unwrap();
        assert_eq!(keys.seat(SeatUse::Socket, &token, end().plus_millis(-1)), Ok(seat()));
        assert_eq!(keys.seat(SeatUse::Socket, &token, end()), Err(TokenError::Expired));
    }

    #[test]
    fn an_earlier_secret_verifies_and_does_not_sign() {
        let (old, new) = ([1; MIN_SECRET_BYTES], [2; MIN_SECRET_BYTES]);
        let old_keys = Keys::new(&old).unwrap();
        let rotated = Keys::new(&new).unwrap().with_earlier(&old, None).unwrap();
        let before = old_keys.mint_agent(AgentUse::Calls, "ben", end()).unwrap();
        let after = rotated.mint_agent(AgentUse::Calls, "ben", end()).unwrap();
        assert_eq!(rotated.agent(AgentUse::Calls, &before, NOW).as_deref(), Ok("ben"));
        assert_eq!(rotated.agent(AgentUse::Calls, &after, NOW).as_deref(), Ok("ben"));
        assert_eq!(old_keys.agent(AgentUse::Calls, &after, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn an_earlier_secret_verifies_for_so_long() {
        let (old, new) = ([1; MIN_SECRET_BYTES], [2; MIN_SECRET_BYTES]);
        let token = Keys::new(&old).unwrap().mint_agent(AgentUse::Calls, "ben", end()).unwrap();
        let until = NOW.plus_millis(10);
        let rotated = Keys::new(&new).unwrap().with_earlier(&old, Some(until)).unwrap();
        let verify = |now| rotated.agent(AgentUse::Calls, &token, now);
        assert_eq!(verify(until.plus_millis(-1)).as_deref(), Ok("ben"));
        assert_eq!(verify(until), Err(TokenError::Signature));
    }

    #[test]
    fn secrets_are_exchanged_while_they_are_used() {
        let (old, new) = ([1; MIN_SECRET_BYTES], [2; MIN_SECRET_BYTES]);
        let keys = Keys::new(&old).unwrap();
        let before = keys.mint_agent(AgentUse::Calls, "ben", end()).unwrap();
        keys.replace(Keys::new(&new).unwrap().with_earlier(&old, None).unwrap());
        assert_eq!(keys.agent(AgentUse::Calls, &before, NOW).as_deref(), Ok("ben"));
        keys.replace(Keys::new(&new).unwrap());
        assert_eq!(keys.agent(AgentUse::Calls, &before, NOW), Err(TokenError::Signature));
    }

    #[test]
    fn a_page_is_its_readers_alone() {
        let keys = keys();
        let token = keys.mint_page(&page(), end()).unwrap();
        assert_eq!(keys.page(&token, &seat(), NOW), Ok(page()));
        let other_chat = Seat { chat: "x".into(), ..seat() };
        let other_reader = Seat { participant: "x".into(), ..seat() };
        for other in [other_chat, other_reader] {
            assert_eq!(keys.page(&token, &other, NOW), Err(TokenError::OtherSeat));
        }
    }

    #[test]
    fn tokens_fit_the_model_or_are_not_made() {
        let keys = keys();
        let token = keys.mint_seat(SeatUse::Participant, &seat(), end()).unwrap();
        assert!(token.len() <= 100, "{} characters", token.len());
        let long = keys.mint_agent(AgentUse::Calls, &"x".repeat(800), end());
        assert!(long.unwrap_err().chars > MAX_TOKEN_CHARS);
        assert!(keys.mint_agent(AgentUse::Calls, &"x".repeat(70_000), end()).is_err());
        assert_eq!(Keys::new(b"short").unwrap_err(), ShortSecret { bytes: 5 });
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", keys()), "Keys(1 redacted)");
    }

    #[test]
    fn peers_cannot_tell_why() {
        let told: HashSet<String> = [
            TokenError::Malformed,
            TokenError::Signature,
            TokenError::OtherUse,
            TokenError::Expired,
        ]
        .map(|error| ServiceError::from(error).to_string())
        .into();
        assert_eq!(told.len(), 1, "{told:?}");
    }

    fn any_id() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<u128>().prop_map(|bits| uuid::to_text(bits).as_str().to_owned()),
            ".{0,40}"
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            chat in any_id(),
            participant in any_id(),
            role in any_id(),
            contact in proptest::option::of(any_id()),
            place: u64,
            forward: bool,
            descending: bool,
            past: Option<u8>,
        ) {
            let keys = keys();
            let seat = Seat {
                chat: chat.as_str().into(),
                participant: participant.as_str().into(),
                role: role.as_str().into(),
            };
            let token = keys.mint_seat(SeatUse::Connection, &seat, end()).unwrap();
            prop_assert_eq!(keys.seat(SeatUse::Connection, &token, NOW), Ok(seat.clone()));
            let page = NextPage {
                chat: seat.chat.clone(),
                participant: seat.participant.clone(),
                contact: contact.map(ContactId::from),
                forward,
                descending,
                place,
                past,
            };
            let token = keys.mint_page(&page, end()).unwrap();
            prop_assert_eq!(keys.page(&token, &seat, NOW), Ok(page));
            let attachment = participant.as_str().into();
            let pass = FilePass { chat: seat.chat.clone(), attachment, inline: forward };
            let token = keys.mint_file(FileUse::Download, &pass, end()).unwrap();
            prop_assert_eq!(keys.file(FileUse::Download, &token, NOW), Ok(pass));
        }

        #[test]
        fn anything_is_refused_without_panic(token in "\\PC{0,80}|[A-Za-z0-9_-]{0,1100}") {
            prop_assert!(keys().seat(SeatUse::Connection, &token, NOW).is_err());
        }
    }
}
