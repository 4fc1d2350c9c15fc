-- What an incident is made of: its score at its last activity, what that is made of, who takes part,
-- and which incident it continues. Lists are JSON, '' for none; an incident of before has none.

-- +goose Up
ALTER TABLE incidents ADD COLUMN score    BIGINT  NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN weak     BIGINT  NOT NULL DEFAULT 0;   -- of the clients, those without an alert
ALTER TABLE incidents ADD COLUMN parent   BIGINT  NOT NULL DEFAULT 0;   -- 0 for none
ALTER TABLE incidents ADD COLUMN bond     DOUBLE PRECISION NOT NULL DEFAULT 0;   -- what sources share, in weight
ALTER TABLE incidents ADD COLUMN strands  TEXT    NOT NULL DEFAULT '';  -- what was found by rule and level: what the score is made of
ALTER TABLE incidents ADD COLUMN tokens   TEXT    NOT NULL DEFAULT '';  -- that joined it
ALTER TABLE incidents ADD COLUMN sources  TEXT    NOT NULL DEFAULT '';  -- the first thousand
ALTER TABLE incidents ADD COLUMN accounts TEXT    NOT NULL DEFAULT '';  -- the first few
ALTER TABLE incidents ADD COLUMN account_count BIGINT  NOT NULL DEFAULT 0;
