-- Local history of one account on one relay. Ids are the sixteen bytes of the UUID.
CREATE TABLE rooms (
    id     BLOB NOT NULL PRIMARY KEY,
    record TEXT NOT NULL -- RoomRecord as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    id     BLOB NOT NULL PRIMARY KEY,
    person TEXT NOT NULL -- Person as JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    row_id       INTEGER NOT NULL PRIMARY KEY,
    room_id      BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    change       INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    sender_id    BLOB    NOT NULL,
    client_id    BLOB    NOT NULL,
    sent_at_ms   INTEGER NOT NULL,
    edited_at_ms INTEGER NOT NULL DEFAULT 0, -- 0: never
    body         TEXT    NOT NULL, -- MessageBody as JSON
    UNIQUE (room_id, seq)
) STRICT;

-- Words of the messages; rowid is messages.row_id. The room is a token inside the index: filtering it outside costs a
-- hundred times more with a common word.
CREATE VIRTUAL TABLE message_search USING fts5 (
    text, room, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE outbox (
    client_id     BLOB    NOT NULL PRIMARY KEY,
    place         INTEGER NOT NULL, -- order of writing
    pending       TEXT    NOT NULL -- Pending as JSON
) STRICT, WITHOUT ROWID;
