-- Accounts, rooms, messages. Ids are the sixteen bytes of a UUIDv7; times are milliseconds since 1970 (UTC), 0 for never.

CREATE TABLE users (
  id            BLOB    NOT NULL PRIMARY KEY,
  display_name  TEXT    NOT NULL,
  name_key      TEXT    NOT NULL,
  email         TEXT    NOT NULL,
  email_key     TEXT    NOT NULL UNIQUE,
  password_hash TEXT    NOT NULL,
  role          TEXT    NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
  bot           INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX users_by_name ON users (name_key, id);

-- Every word of every name, for search as one types.
CREATE TABLE user_words (
  word    TEXT NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (word, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_words_by_user ON user_words (user_id);

CREATE TABLE devices (
  id              BLOB    NOT NULL PRIMARY KEY,
  user_id         BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name            TEXT    NOT NULL,
  created_at_ms   INTEGER NOT NULL,
  last_used_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_by_user ON devices (user_id, last_used_at_ms);

-- Refresh tokens by their SHA-256. A spent one stays until it expires: whoever shows it again has stolen it, or lost the answer.
CREATE TABLE refresh_tokens (
  hash          BLOB    NOT NULL PRIMARY KEY,
  device_id     BLOB    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  expires_at_ms INTEGER NOT NULL,
  spent_at_ms   INTEGER NOT NULL DEFAULT 0,
  attempt       BLOB    NOT NULL DEFAULT x'',
  successor     BLOB    NOT NULL DEFAULT x''
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device_id);

CREATE TABLE favourites (
  user_id  BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  other_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX favourites_by_other ON favourites (other_id);

CREATE TABLE blocks (
  user_id  BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  other_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, other_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_by_other ON blocks (other_id);

-- direct_key: both ids of a direct room in order, so that the same two always get the same room; empty for groups.
CREATE TABLE rooms (
  id            BLOB    NOT NULL PRIMARY KEY,
  kind          TEXT    NOT NULL CHECK (kind IN ('direct', 'group')),
  name          TEXT    NOT NULL DEFAULT '',
  name_key      TEXT    NOT NULL DEFAULT '',
  topic         TEXT    NOT NULL DEFAULT '',
  visibility    TEXT    NOT NULL CHECK (visibility IN ('private', 'public')),
  max_members   INTEGER NOT NULL,
  archived      INTEGER NOT NULL DEFAULT 0,
  deleted       INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  direct_key    BLOB    NOT NULL DEFAULT x'',
  last_seq      INTEGER NOT NULL DEFAULT 0,
  last_change   INTEGER NOT NULL DEFAULT 0,
  last_sent_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX rooms_by_direct_key ON rooms (direct_key) WHERE kind = 'direct';
CREATE INDEX rooms_public ON rooms (name_key, id) WHERE visibility = 'public' AND deleted = 0 AND archived = 0;
CREATE INDEX rooms_deleted ON rooms (id) WHERE deleted = 1;

CREATE TABLE room_words (
  word    TEXT NOT NULL,
  room_id BLOB NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  PRIMARY KEY (word, room_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_words_by_room ON room_words (room_id);

-- role: 0 member, 1 moderator, 2 owner: greater may more.
CREATE TABLE members (
  room_id       BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  user_id       BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role          INTEGER NOT NULL CHECK (role IN (0, 1, 2)),
  joined_at_ms  INTEGER NOT NULL,
  delivered_seq INTEGER NOT NULL DEFAULT 0,
  read_seq      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user_id, room_id);

CREATE TABLE invites (
  id            BLOB    NOT NULL PRIMARY KEY,
  room_id       BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  code          TEXT    NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL DEFAULT 0,
  max_uses      INTEGER NOT NULL DEFAULT 0,
  uses          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX invites_by_room ON invites (room_id);

-- place: insertion order over all rooms, shared with message_words.
CREATE TABLE messages (
  place        INTEGER NOT NULL PRIMARY KEY,
  id           BLOB    NOT NULL UNIQUE,
  room_id      BLOB    NOT NULL REFERENCES rooms (id),
  seq          INTEGER NOT NULL,
  change       INTEGER NOT NULL,
  sender_id    BLOB    NOT NULL REFERENCES users (id),
  client_id    BLOB    NOT NULL,
  sent_at_ms   INTEGER NOT NULL,
  edited_at_ms INTEGER NOT NULL DEFAULT 0,
  kind         TEXT    NOT NULL CHECK (kind IN ('text', 'deleted', 'call')),
  text         TEXT    NOT NULL DEFAULT '',
  call_id      BLOB    NOT NULL DEFAULT x'',
  outcome      TEXT    NOT NULL DEFAULT '',
  duration_s   INTEGER NOT NULL DEFAULT 0,
  UNIQUE (room_id, seq),
  UNIQUE (room_id, change),
  UNIQUE (sender_id, client_id)
) STRICT;

-- Words of messages, newest first by place; the room is a token of its own, so that a search in one room reads only its rows.
CREATE VIRTUAL TABLE message_words USING fts5 (
  room, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- Calls that go on, for a relay that is started again. answered_at_ms 0: it rang.
CREATE TABLE open_calls (
  id             BLOB    NOT NULL PRIMARY KEY,
  room_id        BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  caller_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  started_at_ms  INTEGER NOT NULL,
  answered_at_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
