-- An id is 16 bytes when it is a UUID written in the usual way, else its text.

CREATE TABLE chats (
    -- Short, and chats that are open together get neighbouring numbers: their rows of every index
    -- that begins with it share pages.
    chat INTEGER PRIMARY KEY,
    id ANY NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    -- While it waits for an agent: where, and since when (ms).
    queue TEXT,
    queued_at INTEGER,
    -- When a timer of the chat runs out next (ms).
    due INTEGER
) STRICT;

CREATE INDEX chats_by_queue ON chats (queue, queued_at, chat) WHERE queue IS NOT NULL;
CREATE INDEX chats_by_due ON chats (due, chat) WHERE due IS NOT NULL;

CREATE TABLE contacts (
    id ANY PRIMARY KEY NOT NULL,
    chat INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The log of all chats, in the order of appending: new rows fill one page after the other, whichever
-- chats they belong to.
CREATE TABLE entries (
    entry INTEGER PRIMARY KEY,
    chat INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    id ANY NOT NULL,
    kind INTEGER NOT NULL,
    -- 0 all, 1 agents, 2 the participant in `reader`.
    audience INTEGER NOT NULL,
    reader ANY,
    contact ANY NOT NULL,
    -- The item it concerns.
    about ANY,
    sender ANY,
    -- The idempotency key it was sent under, first and last 64 bits, and the hash of the request's
    -- body.
    key INTEGER,
    key_rest INTEGER,
    body INTEGER,
    text TEXT NOT NULL
) STRICT;

-- Each append to a chat changes the last page of the chat's range and no other. An index that begins
-- with the key would change one more page, at a random place in the range, for each entry; instead
-- the key rides along, and the writer, which is the only one, reads a chat's keys once from here and
-- then remembers them.
CREATE INDEX entries_by_place ON entries (chat, seq, key, key_rest);
CREATE INDEX entries_by_subject ON entries (chat, about, seq) WHERE about IS NOT NULL;

-- The idempotency keys of starting a chat.
CREATE TABLE start_keys (
    key BLOB PRIMARY KEY NOT NULL,
    body INTEGER NOT NULL,
    chat INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    -- The first moment at which it is anybody's (ms).
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
