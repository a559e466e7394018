-- When the chat ended (ms).
ALTER TABLE chats ADD COLUMN ended_at INTEGER;

-- 1 once the chat was deleted. Nothing leads to it any more, and its row stays until its entries have
-- gone, so that no new chat gets its number.
ALTER TABLE chats ADD COLUMN leaving INTEGER;

UPDATE chats
SET ended_at = CAST(round((julianday(state ->> '$.phase.Ended.at') - 2440587.5) * 86400000) AS INTEGER)
WHERE state ->> '$.phase.Ended.at' IS NOT NULL;

CREATE INDEX chats_by_end ON chats (ended_at, chat) WHERE ended_at IS NOT NULL;
CREATE INDEX chats_leaving ON chats (chat) WHERE leaving IS NOT NULL;
CREATE INDEX start_keys_by_chat ON start_keys (chat);
