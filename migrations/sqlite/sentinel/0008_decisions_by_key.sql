-- Who asks what became of a request wants the decisions about its key.

-- +goose Up
CREATE INDEX decisions_key ON decisions (target_key, made_at, id) WHERE target_key IS NOT NULL;
