-- Who took part in a call: they alone report on it and read the reports.
CREATE TABLE call_participants (
  call_id      BLOB    NOT NULL,
  user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  room_id      BLOB    NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
  joined_at_ms INTEGER NOT NULL,
  PRIMARY KEY (call_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_participants_by_room ON call_participants (room_id);
CREATE INDEX call_participants_by_user ON call_participants (user_id);

-- What the app of one participant measured. setup_ms -1: it was never connected.
CREATE TABLE call_reports (
  call_id        BLOB    NOT NULL,
  user_id        BLOB    NOT NULL,
  reported_at_ms INTEGER NOT NULL,
  duration_s     INTEGER NOT NULL,
  setup_ms       INTEGER NOT NULL DEFAULT -1,
  PRIMARY KEY (call_id, user_id),
  FOREIGN KEY (call_id, user_id) REFERENCES call_participants (call_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Its connection with each other participant. cause '': it was good throughout.
CREATE TABLE call_report_people (
  call_id           BLOB    NOT NULL,
  user_id           BLOB    NOT NULL,
  other_id          BLOB    NOT NULL,
  seconds           INTEGER NOT NULL,
  route             TEXT    NOT NULL CHECK (route IN ('unknown', 'direct', 'relayed')),
  rtt_ms_mean       REAL    NOT NULL,
  rtt_ms_max        REAL    NOT NULL,
  jitter_ms_mean    REAL    NOT NULL,
  jitter_ms_max     REAL    NOT NULL,
  loss_in_pct_mean  REAL    NOT NULL,
  loss_in_pct_max   REAL    NOT NULL,
  loss_out_pct_mean REAL    NOT NULL,
  loss_out_pct_max  REAL    NOT NULL,
  kbps_in_mean      REAL    NOT NULL,
  kbps_in_max       REAL    NOT NULL,
  kbps_out_mean     REAL    NOT NULL,
  kbps_out_max      REAL    NOT NULL,
  fps_in_mean       REAL    NOT NULL,
  fps_in_max        REAL    NOT NULL,
  concealed_pct     REAL    NOT NULL,
  freezes           INTEGER NOT NULL,
  freeze_ms         INTEGER NOT NULL,
  cause             TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (call_id, user_id, other_id),
  FOREIGN KEY (call_id, user_id) REFERENCES call_reports (call_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
