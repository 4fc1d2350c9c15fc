-- Who may work in the console. Hashes are the SHA-256 of secrets of 256 bits, which are kept
-- nowhere; a password is kept as its argon2id. Times are milliseconds since 1970, 0 for none.

-- +goose Up
CREATE TABLE operators (
  id         TEXT    PRIMARY KEY,
  name       TEXT    NOT NULL,
  folded     TEXT    NOT NULL UNIQUE,            -- the name in lower case
  role       BIGINT  NOT NULL,
  password   TEXT    NOT NULL,                   -- '' until one was chosen
  created_at BIGINT  NOT NULL,
  seen_at    BIGINT  NOT NULL
);

CREATE TABLE sessions (
  hash       BYTEA   PRIMARY KEY,
  operator   TEXT    NOT NULL,
  created_at BIGINT  NOT NULL,
  seen_at    BIGINT  NOT NULL,
  origin     TEXT    NOT NULL
);
CREATE INDEX sessions_operator ON sessions (operator, created_at);

CREATE TABLE links (
  operator   TEXT    PRIMARY KEY,                -- '' for the first admin
  hash       BYTEA   NOT NULL UNIQUE,
  expires_at BIGINT  NOT NULL
);

CREATE TABLE tokens (
  id         TEXT    PRIMARY KEY,
  name       TEXT    NOT NULL,
  role       BIGINT  NOT NULL,
  prefix     TEXT    NOT NULL,
  hash       BYTEA   NOT NULL UNIQUE,
  made_by    TEXT    NOT NULL,
  created_at BIGINT  NOT NULL,
  used_at    BIGINT  NOT NULL,
  expires_at BIGINT  NOT NULL
);
