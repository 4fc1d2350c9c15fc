-- Rules that are written in the console, each version that was saved, and what modes were set there
-- for rules that come with packs or the program. Times are milliseconds since 1970.

-- +goose Up
CREATE TABLE rule_versions (
  rule       TEXT    NOT NULL,
  number     INTEGER NOT NULL,                   -- from 1
  finds      INTEGER NOT NULL,                   -- the version since which it finds what this one finds
  change     INTEGER NOT NULL,                   -- 1 saved, 2 its mode alone was set, 3 deleted
  mode       TEXT    NOT NULL,                   -- enforce, shadow, off
  definition TEXT    NOT NULL,                   -- YAML or JSON as it was written; '' when deleted
  author     TEXT    NOT NULL,
  saved_at   INTEGER NOT NULL,
  PRIMARY KEY (rule, number)
) STRICT;

CREATE TABLE rule_modes (
  rule       TEXT    PRIMARY KEY,
  mode       TEXT    NOT NULL,                   -- '' as its pack and the settings say
  author     TEXT    NOT NULL,
  set_at     INTEGER NOT NULL
) STRICT;
