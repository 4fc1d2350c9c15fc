// Package cluster lets several Sentinels act as one, through Redis: they count together, and
// tell each other their decisions. Redis is a cache and a bus, never the truth: when it is
// slow or away every node goes on by itself, within milliseconds, and says so.
package cluster

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	redis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const (
	prefix  = "sentinel:1:" // of every key and channel; the number is that of their meaning
	budget  = 10 * time.Millisecond
	waiting = 5 * time.Millisecond // for a free connection, out of the budget
)

// A Cluster is one node's side of it. It is safe for concurrent use.
type Cluster struct {
	redis    *redis.Client
	self     string // tells this process from all others, also from those of the same name
	node     string
	log      *slog.Logger
	breaker  breaker
	outgoing chan engine.Decision
	missed   chan struct{} // somebody may have missed something: tell all again
	late     chan tally
	counted  atomic.Uint64
	budget   time.Duration // of a count
}

// New prepares to use the Redis at a URL: redis://, rediss:// or unix://. It waits for it for a
// second at most; one that is not there may come later.
func New(url, node string, log *slog.Logger) (*Cluster, error) {
	quiet()
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("is not a URL of Redis, as in redis://host:6379/0") // err may hold the password
	}
	// The library's defaults wait ten seconds for a Redis that is stopped, and try again by
	// themselves. A count is worth ten milliseconds, once.
	o.ContextTimeoutEnabled = true
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout = time.Second
	o.PoolTimeout = waiting
	o.PoolSize = 32
	o.MinIdleConns = 2
	o.DisableIdentity = true
	o.Dialer = boundedDialer(o)
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{
		redis: redis.NewClient(o), self: rand.Text(), node: node, log: log, budget: budget,
		outgoing: make(chan engine.Decision, 4096), missed: make(chan struct{}, 1), late: make(chan tally, 1024),
	}
	c.breaker.begin()
	if err := c.probe(context.Background(), time.Second); err != nil {
		c.breaker.trip(err)
		log.Warn("begins without the other nodes", "problem", plain(err))
	}
	return c, nil
}

// quiet stops the library from writing to standard error what State and the log say already.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silence{}) })

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// Close lets go of the connections. Run has returned before.
func (c *Cluster) Close() error {
	if err := c.redis.Close(); err != nil {
		return fmt.Errorf("close the connections to Redis: %w", err)
	}
	return nil
}

// counting keeps a sorted set of what was counted, by time, on Redis' own clock: nodes need not
// agree on theirs. What is refused because the limit is reached is not counted, so the set
// never holds more than the limit, and each thing is counted once, however often it is asked.
// Every call sets the time to live again, so no set is immortal. Times further in the future
// than the window are of a clock that was put back since, and mean nothing any more.
//
// The first thing it writes is what a full Redis refuses; then the node counts for itself.
var counting = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local over, ahead = now - window, '(' .. (now + window)
local n = redis.call('ZCOUNT', KEYS[1], '(' .. over, now + window)
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) then
  n = n + 1
  if n <= limit then
    redis.call('ZADD', KEYS[1], now, ARGV[3])
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', over)
redis.call('ZREMRANGEBYSCORE', KEYS[1], ahead, '+inf')
redis.call('PEXPIRE', KEYS[1], window)
return {ARGV[3], n}
`)

// A tally is one thing to be counted.
type tally struct {
	key    string
	limit  int
	within time.Duration
	member string
}

// Count adds one to what all nodes counted for a rule about somebody, and returns how many
// they are within the window, at most one more than the limit. It takes ten milliseconds at
// most, and nothing while Redis is known to be away; then nobody knows, and it returns 0.
// What could not be counted in time is counted late, as long as Redis is there.
func (c *Cluster) Count(rule string, who engine.Target, limit int, within time.Duration) int {
	if c.breaker.open() || limit < 1 {
		return 0
	}
	t := tally{counter(rule, who), limit, within, c.member()}
	n, err := c.count(context.Background(), t, c.budget)
	c.breaker.heard(err)
	if err != nil {
		select {
		case c.late <- t:
		default:
		}
		return 0
	}
	return n
}

// member names one thing that is counted, like no other on any node.
func (c *Cluster) member() string {
	return c.self[:8] + strconv.FormatUint(c.counted.Add(1), 36)
}

func (c *Cluster) count(ctx context.Context, t tally, limit time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer, err := counting.Run(ctx, c.redis, []string{t.key}, t.within.Milliseconds(), t.limit, t.member).Slice()
	if err != nil {
		return 0, err
	}
	// An answer to another question would be a wrong decision about somebody.
	if len(answer) == 2 && answer[0] == t.member {
		if n, ok := answer[1].(int64); ok && n >= 1 && n <= int64(t.limit)+1 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("the answer %.100v is not to the question", answer)
}

// catchUp counts what could not be counted in time.
func (c *Cluster) catchUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-c.late:
			if !c.breaker.open() {
				if _, err := c.count(ctx, t, sendTimeout); ctx.Err() == nil {
					c.breaker.heard(err)
				}
			}
		}
	}
}

// Forget drops what all nodes counted about somebody. It takes ten milliseconds at most; while
// Redis is away there is nothing to forget but what ends by itself with the window.
func (c *Cluster) Forget(who engine.Target, rules ...string) {
	if c.breaker.open() || len(rules) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.budget)
	defer cancel()
	keys := make([]string, len(rules))
	for i, r := range rules {
		keys[i] = counter(r, who)
	}
	c.breaker.heard(c.redis.Del(ctx, keys...).Err())
}

// counter is where the counts of a rule about somebody are. Whom they are about can't be read
// from it.
func counter(rule string, who engine.Target) string {
	h := sha256.New()
	var length [8]byte
	for _, part := range []string{rule, who.Network.String(), string(who.Key.Hash[:])} {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return prefix + "count:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// State says whether counts are shared, and if not, why.
func (c *Cluster) State() (shared bool, problem string) { return c.breaker.state() }

// plain says in a few words what is wrong, without addresses.
func plain(err error) string {
	var late net.Error
	switch {
	case errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &late) && late.Timeout():
		return "Redis does not answer in time"
	case strings.Contains(err.Error(), "refused"), strings.Contains(err.Error(), "no such file"):
		return "there is no Redis"
	default:
		return "Redis: " + strings.Map(func(r rune) rune {
			if r < ' ' {
				return ' '
			}
			return r
		}, err.Error()[:min(len(err.Error()), 200)])
	}
}
