-- How often whom a decision refuses asked meanwhile, and when last. It is apart from decisions, since
-- it is added to long after these were written, and by several nodes. Times are milliseconds since 1970.

-- +goose Up
CREATE TABLE hammering (
  decision   TEXT    PRIMARY KEY,
  requests   BIGINT  NOT NULL,
  last_at    BIGINT  NOT NULL
);
CREATE INDEX hammering_by_last ON hammering (last_at);
