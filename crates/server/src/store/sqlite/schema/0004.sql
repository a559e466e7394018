-- Who outside is told of a chat's log, and how far they have been told. Which followers a chat has is
-- in its state; a row is made and removed with the change of the state.
CREATE TABLE followers (
    id ANY PRIMARY KEY NOT NULL,
    chat INTEGER NOT NULL,
    -- The last place they were told of.
    place INTEGER NOT NULL,
    -- When they are to be told the next (ms); nothing while there is nothing to tell.
    due INTEGER,
    -- How often that has failed in a row.
    failures INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX followers_by_chat ON followers (chat);
CREATE INDEX followers_by_due ON followers (due, id) WHERE due IS NOT NULL;
