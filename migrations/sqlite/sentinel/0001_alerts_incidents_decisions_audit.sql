-- What must never be lost: alerts, incidents, decisions and the audit log.
--
-- Times are milliseconds since 1970, 0 for none. Addresses are 16 bytes, IPv4 in its mapped form,
-- so that a network is a range. Severities, statuses, actions and origins are the numbers of
-- the Go constants, which only ever grow.

-- +goose Up
CREATE TABLE alerts (
  id               INTEGER PRIMARY KEY,
  rule             TEXT    NOT NULL,
  version          INTEGER NOT NULL,
  title            TEXT    NOT NULL,
  severity         INTEGER NOT NULL,
  status           INTEGER NOT NULL,
  actor_network    TEXT    NOT NULL,             -- '' when the actor is a key
  actor_lo         BLOB,                         -- first and last address of the network
  actor_hi         BLOB,
  actor_key        BLOB,
  actor_key_prefix TEXT    NOT NULL,
  client           BLOB,
  client_key       BLOB,
  key_prefix       TEXT    NOT NULL,
  reason           TEXT    NOT NULL,
  method           TEXT    NOT NULL,
  path             TEXT    NOT NULL,
  first_at         INTEGER NOT NULL,
  last_at          INTEGER NOT NULL,
  findings         INTEGER NOT NULL,
  finding          TEXT    NOT NULL,
  counted          INTEGER NOT NULL,
  threshold        INTEGER NOT NULL,
  window_ms        INTEGER NOT NULL,
  times            TEXT    NOT NULL,             -- JSON: milliseconds since 1970
  decision         TEXT    NOT NULL,
  incident         INTEGER NOT NULL,
  resolved_at      INTEGER NOT NULL,
  resolved_by      TEXT    NOT NULL
) STRICT;
CREATE INDEX alerts_first ON alerts (first_at, id);
CREATE INDEX alerts_status ON alerts (status, first_at, id);
CREATE INDEX alerts_resolved ON alerts (resolved_at, first_at);
CREATE INDEX alerts_incident ON alerts (incident, first_at, id) WHERE incident > 0;
CREATE INDEX alerts_actor ON alerts (actor_lo, first_at);
CREATE INDEX alerts_client ON alerts (client, first_at);

-- Which alert a finding was merged into. An alert itself names its newest finding only.
CREATE TABLE alert_findings (
  finding TEXT    PRIMARY KEY,
  alert   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
  id       INTEGER PRIMARY KEY,
  title    TEXT    NOT NULL,
  severity INTEGER NOT NULL,
  status   INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at  INTEGER NOT NULL,
  alerts   INTEGER NOT NULL,
  clients  INTEGER NOT NULL,
  shared   TEXT    NOT NULL
) STRICT;
CREATE INDEX incidents_first ON incidents (first_at, id);
CREATE INDEX incidents_status ON incidents (status, first_at, id);

CREATE TABLE decisions (
  id         TEXT    PRIMARY KEY,
  action     INTEGER NOT NULL,
  network    TEXT    NOT NULL,                   -- '' when the target is a key
  target_key BLOB,
  key_prefix TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  origin     INTEGER NOT NULL,
  rule       TEXT    NOT NULL,
  finding    TEXT    NOT NULL,
  made_by    TEXT    NOT NULL,
  made_at    INTEGER NOT NULL,
  until_at   INTEGER NOT NULL,
  lifted_at  INTEGER NOT NULL,
  lifted_by  TEXT    NOT NULL,
  ends_at    INTEGER NOT NULL                    -- until or lifted, whichever is first; the greatest number for never
) STRICT;
CREATE INDEX decisions_made ON decisions (made_at, id);
CREATE INDEX decisions_ends ON decisions (ends_at, action, made_at, network, target_key);
CREATE INDEX decisions_network ON decisions (network, made_at, id);

CREATE TABLE audit (
  seq    INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  actor  TEXT    NOT NULL,
  origin TEXT    NOT NULL,
  verb   TEXT    NOT NULL,
  object TEXT    NOT NULL,
  detail TEXT    NOT NULL
) STRICT;

-- Written to learn whether a database that refused a write takes writes again.
CREATE TABLE sentinel_pulse (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL
) STRICT;
