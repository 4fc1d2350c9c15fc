-- Who may work in the console. Hashes are the SHA-256 of secrets of 256 bits, which are kept
-- nowhere; a password is kept as its argon2id. Times are milliseconds since 1970, 0 for none.

-- +goose Up
CREATE TABLE operators (
  id         TEXT    PRIMARY KEY,
  name       TEXT    NOT NULL,
  folded     TEXT    NOT NULL UNIQUE,            -- the name in lower case
  role       INTEGER NOT NULL,
  password   TEXT    NOT NULL,                   -- '' until one was chosen
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  hash       BLOB    PRIMARY KEY,
  operator   TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  origin     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_operator ON sessions (operator, created_at);

CREATE TABLE links (
  operator   TEXT    PRIMARY KEY,                -- '' for the first admin
  hash       BLOB    NOT NULL UNIQUE,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  id         TEXT    PRIMARY KEY,
  name       TEXT    NOT NULL,
  role       INTEGER NOT NULL,
  prefix     TEXT    NOT NULL,
  hash       BLOB    NOT NULL UNIQUE,
  made_by    TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  used_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
