-- Replies, threads, reactions, pins, earlier texts, mentions, and a search by room, sender and kind of content.

-- reply_to, thread_id: ids of messages of the same room, empty for none. replies, last_reply_at_ms: of the thread that the message begins.
-- reacted: whether it has rows in reactions.
ALTER TABLE messages ADD COLUMN reply_to         BLOB    NOT NULL DEFAULT x'';
ALTER TABLE messages ADD COLUMN thread_id        BLOB    NOT NULL DEFAULT x'';
ALTER TABLE messages ADD COLUMN replies          INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN last_reply_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN pinned_at_ms     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN reacted          INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_by_thread ON messages (thread_id, seq) WHERE thread_id <> x'';
CREATE INDEX messages_pinned ON messages (room_id, pinned_at_ms) WHERE pinned_at_ms <> 0;

-- emoji_no: the emoji of a message in the order of their first use; user_no: the people of one emoji likewise.
CREATE TABLE reactions (
  place    INTEGER NOT NULL REFERENCES messages (place) ON DELETE CASCADE,
  emoji_no INTEGER NOT NULL,
  user_no  INTEGER NOT NULL,
  emoji    TEXT    NOT NULL,
  user_id  BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (place, emoji_no, user_no),
  UNIQUE (user_id, place, emoji)
) STRICT, WITHOUT ROWID;

-- What a message said before it was edited.
CREATE TABLE message_versions (
  place  INTEGER NOT NULL REFERENCES messages (place) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  at_ms  INTEGER NOT NULL,
  text   TEXT    NOT NULL,
  PRIMARY KEY (place, number)
) STRICT, WITHOUT ROWID;

-- Whom messages mention. user_id is empty for all members; sender_id is there because nobody is told of their own.
CREATE TABLE mentions (
  room_id   BLOB    NOT NULL,
  user_id   BLOB    NOT NULL,
  seq       INTEGER NOT NULL,
  place     INTEGER NOT NULL REFERENCES messages (place) ON DELETE CASCADE,
  sender_id BLOB    NOT NULL,
  PRIMARY KEY (room_id, user_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_by_place ON mentions (place);

-- Words of messages by place. Room, sender and what a message has are tokens of their own, each kind with its own character of private
-- use in front: no word that people write begins with it, so their prefixes do not meet these.
DROP TABLE message_words;
CREATE VIRTUAL TABLE message_words USING fts5 (
  room, sender, has, text,
  content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
);
INSERT INTO message_words (rowid, room, sender, has, text)
  SELECT place, char(57344) || hex(room_id), char(57345) || hex(sender_id),
    CASE WHEN text LIKE '%http://%' OR text LIKE '%https://%' THEN char(57346) || 'link' ELSE '' END, text
  FROM messages WHERE kind = 'text';

-- Written to see whether the disk takes writes.
CREATE TABLE probe (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), writes INTEGER NOT NULL) STRICT;
INSERT INTO probe (id, writes) VALUES (1, 0);
