-- Messages whole, in an order of their own: row_id is the time of sending in its upper 43 bits and a counter in the lower 20, so
-- that the index gives the newest hits first and stops at any of them. A file of version 1 was never encrypted; what it
-- holds is taken over message by message.
DROP TABLE messages;
DROP TABLE message_search;

CREATE TABLE messages (
    row_id      INTEGER NOT NULL PRIMARY KEY,
    room_id     BLOB    NOT NULL,
    seq         INTEGER NOT NULL,
    change      INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    sender_id   BLOB    NOT NULL,
    thread_id   BLOB    NOT NULL DEFAULT x'', -- empty: in the room's own flow
    pinned_at_ms INTEGER NOT NULL DEFAULT 0,  -- 0: not pinned
    mentions_me INTEGER NOT NULL DEFAULT 0,
    message     TEXT    NOT NULL, -- Message as JSON
    UNIQUE (room_id, seq)
) STRICT;
CREATE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_of_thread ON messages (thread_id, seq) WHERE thread_id <> x'';
CREATE INDEX messages_pinned ON messages (room_id, pinned_at_ms) WHERE pinned_at_ms > 0;

-- Words of the messages; rowid is messages.row_id. Room, sender and kinds of content are tokens inside the index:
-- filtering them outside costs a hundred times more with a common word. Beginnings of up to three letters have lists of
-- their own; the words that begin with more are few.
CREATE VIRTUAL TABLE message_search USING fts5 (
    text, room, sender, has,
    content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);
