-- Traffic: much of it, worth less than an alert, and with version numbers of its own.

-- +goose Up

-- The ID begins with the time (milliseconds since 1970, then 20 bits that tell apart), so the
-- primary key is the time index. folded and route are NULL when they say what path, or folded,
-- says already. An address is 16 bytes, IPv4 in its mapped form, so that a network is a range.
CREATE TABLE exchanges (
  id          BIGINT PRIMARY KEY,
  stretch     BIGINT  NOT NULL,
  client      BYTEA   NOT NULL,
  client_key  BYTEA,
  key_prefix  TEXT    NOT NULL,
  method      TEXT    NOT NULL,
  path        TEXT    NOT NULL,
  folded      TEXT,
  route       TEXT,
  user_agent  TEXT    NOT NULL,
  status      SMALLINT NOT NULL,
  took_us     BIGINT  NOT NULL,
  bytes       BIGINT  NOT NULL,
  exempt      SMALLINT NOT NULL,
  refused     SMALLINT NOT NULL,
  cause       TEXT    NOT NULL,
  monitored   SMALLINT NOT NULL
);

-- The one further index. It begins with the stretch, some 8,000 rows that follow each other in
-- time, so that writing touches the pages of the newest stretch alone, however many clients and
-- rows there are; a reader looks into stretch after stretch. The IDs of a stretch are those from
-- its start to the start of the next.
CREATE INDEX exchanges_client ON exchanges (stretch, client, id, status, refused);

CREATE TABLE stretches (
  id    BIGINT PRIMARY KEY,
  start BIGINT NOT NULL UNIQUE
);
INSERT INTO stretches (id, start) VALUES (1, 0);

-- Roll-ups: what dashboards read. step is 60 or 3600 seconds, at the beginning of that minute
-- or hour in milliseconds since 1970, took_us the sum of all answers' times.
CREATE TABLE rollup_totals (
  step     BIGINT  NOT NULL,
  at       BIGINT  NOT NULL,
  requests BIGINT  NOT NULL,
  failed   BIGINT  NOT NULL,
  refused  BIGINT  NOT NULL,
  took_us  BIGINT  NOT NULL,
  PRIMARY KEY (step, at)
);

-- At most 200 paths in each minute and hour; the rest is in the path '(other)'.
CREATE TABLE rollup_paths (
  step     BIGINT  NOT NULL,
  at       BIGINT  NOT NULL,
  path     TEXT    NOT NULL,
  requests BIGINT  NOT NULL,
  failed   BIGINT  NOT NULL,
  refused  BIGINT  NOT NULL,
  took_us  BIGINT  NOT NULL,
  PRIMARY KEY (step, at, path)
);

CREATE TABLE rollup_statuses (
  step     BIGINT  NOT NULL,
  at       BIGINT  NOT NULL,
  status   BIGINT  NOT NULL,
  requests BIGINT  NOT NULL,
  PRIMARY KEY (step, at, status)
);

-- Written to learn whether a database that refused a write takes writes again.
CREATE TABLE traffic_pulse (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  at BIGINT  NOT NULL
);
