//! Bounds and deadlines of a chat (docs/protocol/participant-service.md §11.1).
//!
//! Times are in milliseconds.

use chatloom_wire::contact::StartChatContactRequest;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// How long a customer may take to connect after the start of the chat; then it ends.
pub const CONNECT_WITHIN_MS: i64 = 5 * MINUTE;

/// How long a connection token is good, whatever happens to the chat.
pub const CONNECTION_TOKEN_MS: i64 = DAY;

/// How long a socket URL can be opened.
pub const SOCKET_URL_MS: i64 = 100 * SECOND;

/// When a socket is to be renewed, as `ConnectionExpiry` tells clients. The first versions of ChatJS
/// take no URL whose connection has less than an hour, and hand over when it is up
/// (docs/protocol/participant-service.md §3.1).
pub const CONNECTION_EXPIRY_MS: i64 = 120 * MINUTE;

/// How long a `NextToken` is good. No source states it; as long as the token it was asked with.
pub const NEXT_TOKEN_MS: i64 = CONNECTION_TOKEN_MS;

/// How many people may be in a chat at once: the customer and up to five agents. Flows and the
/// assistant do not count. One more agent is refused.
pub const PRESENT_IN_CHAT: usize = 6;

/// How often a chat may be transferred. What is documented for tasks
/// (docs/protocol/participant-service.md §10.9); no source states it for chats.
pub const TRANSFERS_OF_CHAT: usize = 11;

/// How many agents a chat may have had in all, one after the other; one more is refused. Each coming
/// of an agent counts. A chat that lacks only what transfers may need ends when its agents leave, without
/// its disconnect flow. No source states it; it keeps chats that are handed over for ever from growing.
pub const AGENTS_OF_CHAT: usize = 64;

/// How many contacts a chat shows as its past (docs/protocol/participant-service.md §10.10).
pub const PAST_CONTACTS: u32 = 100;

/// How long a custom participant may take to connect after it was added; then it cannot any more.
pub const CUSTOM_BOT_WITHIN_MS: i64 = 15 * SECOND;

/// How many custom participants a chat may have had in all. One at a time may be there; no source
/// states how many one after the other.
pub const CUSTOM_BOTS_OF_CHAT: usize = 32;

/// To how many endpoints a chat may be streamed at once.
pub const STREAMS_OF_CHAT: usize = 2;

/// How many entries a chat may have in its log. A participant who wants to add one more is refused;
/// leaving and the end of the chat still find their place. No source states such a limit; this one
/// keeps a chat that never stops talking from filling the disk.
pub const ENTRIES_IN_CHAT: u64 = 100_000;

/// How many files a chat may have, those that were started included. One more is refused.
pub const ATTACHMENTS_IN_CHAT: usize = 35;

/// How long a file may stay between the start of its upload and its completion; then it is gone
/// (docs/protocol/participant-service.md §8).
pub const UPLOAD_KEPT_MS: i64 = DAY;

/// How long the URL of an upload is good. No source states it.
pub const UPLOAD_URL_MS: i64 = 15 * MINUTE;

/// How long the URL of a download is good unless the request says otherwise. No source states it;
/// the longest that one can ask for.
pub const DOWNLOAD_URL_MS: i64 = 5 * MINUTE;

/// How long a chat lasts at most, whatever a request asks for.
pub const LONGEST_CHAT_MS: i64 = StartChatContactRequest::MAX_DURATION * MINUTE;

/// How long a chat lasts at most, in milliseconds, when the request asks for `minutes`.
pub(crate) const fn duration_ms(minutes: Option<i64>) -> i64 {
    let minutes = match minutes {
        Some(minutes) => minutes,
        None => StartChatContactRequest::DEFAULT_DURATION,
    };
    minutes.saturating_mul(MINUTE)
}
