-- Tenants: people and rooms of one never learn that another's exist. Guests: people with a name and no account. Invites to make an account.
-- Done with foreign keys off, and checked before it is kept.

-- The first is everybody's whose address names no other.
CREATE TABLE tenants (
  id   INTEGER NOT NULL PRIMARY KEY,
  name TEXT    NOT NULL UNIQUE
) STRICT;
INSERT INTO tenants (id, name) VALUES (1, 'default');

-- As before, but for tenant_id, and an e-mail address is one person's within a tenant; empty for whoever cannot sign in with one.
CREATE TABLE users_of_tenants (
  id            BLOB    NOT NULL PRIMARY KEY,
  display_name  TEXT    NOT NULL,
  name_key      TEXT    NOT NULL,
  email         TEXT    NOT NULL,
  email_key     TEXT    NOT NULL,
  password_hash TEXT    NOT NULL,
  role          TEXT    NOT NULL CHECK (role IN ('admin', 'member', 'guest')),
  bot           INTEGER NOT NULL DEFAULT 0,
  created_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER NOT NULL DEFAULT 0,
  avatar        BLOB    NOT NULL DEFAULT x'',
  status_text   TEXT    NOT NULL DEFAULT '',
  bio           TEXT    NOT NULL DEFAULT '',
  deleted_at_ms INTEGER NOT NULL DEFAULT 0,
  tenant_id     INTEGER NOT NULL DEFAULT 1 REFERENCES tenants (id)
) STRICT;
INSERT INTO users_of_tenants (id, display_name, name_key, email, email_key, password_hash, role, bot, created_at_ms, last_seen_at_ms,
    avatar, status_text, bio, deleted_at_ms)
  SELECT id, display_name, name_key, email, CASE deleted_at_ms WHEN 0 THEN email_key ELSE '' END, password_hash, role, bot, created_at_ms,
    last_seen_at_ms, avatar, status_text, bio, deleted_at_ms
  FROM users;
DROP TABLE users;
ALTER TABLE users_of_tenants RENAME TO users;
CREATE UNIQUE INDEX users_by_email ON users (tenant_id, email_key) WHERE email_key <> '';
CREATE INDEX users_by_name ON users (tenant_id, name_key, id) WHERE deleted_at_ms = 0;
CREATE UNIQUE INDEX users_by_avatar ON users (avatar) WHERE avatar <> x'';
CREATE INDEX users_guests ON users (id) WHERE role = 'guest';

CREATE TABLE user_words_of_tenants (
  tenant_id INTEGER NOT NULL,
  word      TEXT    NOT NULL,
  user_id   BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  PRIMARY KEY (tenant_id, word, user_id)
) STRICT, WITHOUT ROWID;
INSERT INTO user_words_of_tenants (tenant_id, word, user_id) SELECT 1, word, user_id FROM user_words;
DROP TABLE user_words;
ALTER TABLE user_words_of_tenants RENAME TO user_words;
CREATE INDEX user_words_by_user ON user_words (user_id, word);

-- guests: whoever has an invite may join without an account.
ALTER TABLE rooms ADD COLUMN tenant_id INTEGER NOT NULL DEFAULT 1 REFERENCES tenants (id);
ALTER TABLE rooms ADD COLUMN guests INTEGER NOT NULL DEFAULT 0;
DROP INDEX rooms_public;
CREATE INDEX rooms_public ON rooms (tenant_id, name_key, id) WHERE visibility = 'public' AND deleted = 0 AND archived = 0;

-- notify: 0 of all messages, 1 of mentions, 2 of none.
ALTER TABLE members ADD COLUMN notify INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1, 2));

CREATE INDEX invites_expiring ON invites (expires_at_ms) WHERE expires_at_ms > 0;
CREATE INDEX invites_used_up ON invites (created_at_ms) WHERE max_uses > 0 AND uses >= max_uses;

-- Whoever has the code may make an account.
CREATE TABLE registration_invites (
  id            BLOB    NOT NULL PRIMARY KEY,
  tenant_id     INTEGER NOT NULL REFERENCES tenants (id),
  code          TEXT    NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL DEFAULT 0,
  max_uses      INTEGER NOT NULL DEFAULT 0,
  uses          INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX registration_invites_by_tenant ON registration_invites (tenant_id, id);
CREATE INDEX registration_invites_expiring ON registration_invites (expires_at_ms) WHERE expires_at_ms > 0;
CREATE INDEX registration_invites_used_up ON registration_invites (created_at_ms) WHERE max_uses > 0 AND uses >= max_uses;
