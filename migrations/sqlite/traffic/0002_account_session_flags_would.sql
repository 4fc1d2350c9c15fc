-- Whom a request claims to act for, the session it belongs to, what was odd about how it was
-- written, and what would have refused it had the gateway enforced. NULL stands for none, which
-- takes one byte.

-- +goose Up
ALTER TABLE exchanges ADD COLUMN account TEXT;
ALTER TABLE exchanges ADD COLUMN session BLOB;           -- 16 bytes of a keyed hash
ALTER TABLE exchanges ADD COLUMN session_prefix TEXT;
ALTER TABLE exchanges ADD COLUMN flags INTEGER;          -- the bits of the Go constants, which only ever grow
ALTER TABLE exchanges ADD COLUMN would TEXT;

-- Begins with the stretch for the reason that exchanges_client does. Who is nobody costs nothing.
CREATE INDEX exchanges_account ON exchanges (stretch, account, id) WHERE account IS NOT NULL;
