-- How many files of the chat a scanner has.
ALTER TABLE chats ADD COLUMN scanning INTEGER NOT NULL DEFAULT 0;

CREATE INDEX chats_by_scanning ON chats (chat) WHERE scanning > 0;
