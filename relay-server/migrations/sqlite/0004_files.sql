-- Files: what people upload, for messages and as pictures of people and rooms; and what people say of themselves.

-- state: 'receiving' until all bytes came, 'complete' until something shows it, then 'used'.
-- kept_bytes: what counts for its owner: the declared size, and once it is complete what is kept of it, thumbnail included.
-- hash, thumbnail_hash: SHA-256 of what is kept; empty until complete, the latter also for what has no thumbnail of its own.
-- place: the message that shows it, 0 for none; position: where among that message's files.
CREATE TABLE files (
  id             BLOB    NOT NULL PRIMARY KEY,
  owner_id       BLOB    NOT NULL REFERENCES users (id),
  purpose        TEXT    NOT NULL CHECK (purpose IN ('attachment', 'avatar')),
  state          TEXT    NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'complete', 'used')),
  name           TEXT    NOT NULL,
  declared_bytes INTEGER NOT NULL,
  kept_bytes     INTEGER NOT NULL,
  size_bytes     INTEGER NOT NULL DEFAULT 0,
  media_type     TEXT    NOT NULL DEFAULT '',
  hash           BLOB    NOT NULL DEFAULT x'',
  thumbnail_hash BLOB    NOT NULL DEFAULT x'',
  thumbnail_type TEXT    NOT NULL DEFAULT '',
  thumbnail_bytes INTEGER NOT NULL DEFAULT 0,
  width_px       INTEGER NOT NULL DEFAULT 0,
  height_px      INTEGER NOT NULL DEFAULT 0,
  placeholder    TEXT    NOT NULL DEFAULT '',
  place          INTEGER NOT NULL DEFAULT 0,
  position       INTEGER NOT NULL DEFAULT 0,
  touched_at_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_owner ON files (owner_id, state, kept_bytes);
CREATE INDEX files_by_place ON files (place, position) WHERE place > 0;
CREATE INDEX files_by_hash ON files (hash) WHERE hash <> x'';
CREATE INDEX files_by_thumbnail ON files (thumbnail_hash) WHERE thumbnail_hash <> x'';
CREATE INDEX files_unused ON files (touched_at_ms) WHERE state <> 'used';

-- Blobs that perhaps nobody refers to: written before a blob is made, and when a file is removed. Each is looked at, then forgotten.
CREATE TABLE doubtful_blobs (
  hash BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- avatar: a file, empty for none. deleted_at_ms: the account is gone, its messages are not.
ALTER TABLE users ADD COLUMN avatar BLOB NOT NULL DEFAULT x'';
ALTER TABLE users ADD COLUMN status_text TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN deleted_at_ms INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX users_by_avatar ON users (avatar) WHERE avatar <> x'';

ALTER TABLE rooms ADD COLUMN avatar BLOB NOT NULL DEFAULT x'';
CREATE UNIQUE INDEX rooms_by_avatar ON rooms (avatar) WHERE avatar <> x'';
