package gateway

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// quotaPolicy is the name of the one quota there is.
const quotaPolicy = `"rate-abuse"`

// limits tells clients what is left of their quota, in the RateLimit-Policy and RateLimit
// fields of draft-ietf-httpapi-ratelimit-headers-11: lists of strings with parameters (RFC
// 9651), so that an API that has quotas of its own adds its items to them.
type limits struct {
	on     bool
	policy atomic.Pointer[policyField]
}

// A policyField is written once for each policy there is, not for each request.
type policyField struct {
	limit  int
	window time.Duration
	value  []string
}

// tell sets the fields; room is where the value lives.
func (l *limits) tell(h http.Header, q engine.Quota, room *[1]string) {
	if !l.on || q.Limit <= 0 {
		return
	}
	p := l.policy.Load()
	if p == nil || p.limit != q.Limit || p.window != q.Window {
		b := append([]byte(quotaPolicy), ";q="...)
		b = strconv.AppendInt(b, int64(q.Limit), 10)
		if w := seconds(q.Window); w > 0 {
			b = strconv.AppendInt(append(b, ";w="...), w, 10)
		}
		value := [1]string{string(b)}
		p = &policyField{q.Limit, q.Window, value[:1:1]}
		l.policy.Store(p)
	}
	var text [64]byte
	b := append(append(text[:0], quotaPolicy...), ";r="...)
	b = strconv.AppendInt(b, int64(max(q.Left, 0)), 10)
	if t := seconds(q.Reset); t > 0 {
		b = strconv.AppendInt(append(b, ";t="...), t, 10)
	}
	room[0] = string(b)
	h["Ratelimit-Policy"] = p.value
	h["Ratelimit"] = room[:1:1]
}

// seconds rounds up, so that who waits that long has waited long enough.
func seconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}
