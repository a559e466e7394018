-- Whom a follower leads to, written `stream ARN` or `bot NAME`: what is due is taken from each of them
-- alike, so that one who is gone holds back nobody else.
ALTER TABLE followers ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';

UPDATE followers SET endpoint = coalesce((
    SELECT coalesce(
        'stream ' || (follower.value ->> '$.kind.Stream.endpoint'),
        'bot ' || (follower.value ->> '$.kind.Bot.name')
    )
    FROM chats, json_each(chats.state, '$.followers') AS follower
    WHERE chats.chat = followers.chat
      AND CASE typeof(followers.id)
          WHEN 'blob' THEN lower(hex(followers.id)) = replace(follower.value ->> '$.id', '-', '')
          ELSE followers.id = follower.value ->> '$.id'
          END
), '');

DROP INDEX followers_by_due;
CREATE INDEX followers_by_endpoint ON followers (endpoint, due, id) WHERE due IS NOT NULL;
