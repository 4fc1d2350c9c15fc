-- Alerts and decisions may be about an account, alerts about a route; and a finding keeps what it
-- rests on, so that it can be judged again for as long as its alert is kept.

-- +goose Up
ALTER TABLE alerts ADD COLUMN actor_account TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN actor_route   TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN account       TEXT NOT NULL DEFAULT ''; -- of the exchange that tripped the rule
ALTER TABLE alerts ADD COLUMN evidence      TEXT NOT NULL DEFAULT ''; -- JSON; '' for none
CREATE INDEX alerts_actor_account ON alerts (actor_account, first_at) WHERE actor_account <> '';
CREATE INDEX alerts_account ON alerts (account, first_at) WHERE account <> '';

ALTER TABLE alert_findings ADD COLUMN receipt TEXT NOT NULL DEFAULT ''; -- JSON; '' for findings of before

ALTER TABLE decisions ADD COLUMN target_account TEXT NOT NULL DEFAULT '';
CREATE INDEX decisions_account ON decisions (target_account, made_at, id) WHERE target_account <> '';
DROP INDEX decisions_ends;
CREATE INDEX decisions_ends ON decisions (ends_at, action, made_at, network, target_key, target_account);
