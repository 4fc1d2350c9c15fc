package guard

import (
	"fmt"
	"net/netip"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Wanted is a decision that an operator asks for, about a network or about a key.
type Wanted struct {
	Action  engine.Action // Allow, Block or Monitor
	Network netip.Prefix  // exact as written: a single address is a /32 or /128
	Key     engine.Key    // instead of a network; to suspend a key is to block it
	Reason  string
	For     time.Duration // zero: until lifted
}

const (
	longestReason = 500 // characters
	longestStay   = 10 * 365 * 24 * time.Hour
)

var loopbacks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// check corrects what is only spelt otherwise, and refuses what nobody can mean.
func (w *Wanted) check(by By, spared *spared) error {
	if verbs[w.Action] == "" {
		return engine.Invalid{Field: "action", Problem: "must be ALLOW, BLOCK or MONITOR"}
	}
	if err := w.checkTarget(by, spared); err != nil {
		return err
	}
	if !utf8.ValidString(w.Reason) || utf8.RuneCountInString(w.Reason) > longestReason || hasControl(w.Reason) {
		return engine.Invalid{Field: "reason", Problem: fmt.Sprintf("must be text of at most %d characters in one line", longestReason)}
	}
	if w.For < 0 || w.For > longestStay || w.For > 0 && w.For < time.Second {
		return engine.Invalid{Field: "duration", Problem: "must be one second to ten years, or absent: until lifted"}
	}
	return nil
}

func (w *Wanted) checkTarget(by By, spared *spared) error {
	if !w.Key.Zero() {
		if w.Network != (netip.Prefix{}) {
			return engine.Invalid{Field: "target", Problem: "must be a network or a key, and not both"}
		}
		return nil
	}
	p, ok := canonical(w.Network)
	if !ok {
		return engine.Invalid{Field: "target", Problem: "must be an address or a network, as 198.51.100.7 or 2001:db8::/64"}
	}
	w.Network = p
	if p.Bits() == 0 && w.Action != engine.Monitor {
		return engine.Invalid{Field: "target", Problem: "is everybody: choose a narrower network"}
	}
	if w.Action != engine.Block {
		return nil
	}
	for _, l := range loopbacks {
		if p.Overlaps(l) {
			return engine.Invalid{Field: "target", Problem: fmt.Sprintf("covers this machine itself (%s), which is never blocked", l)}
		}
	}
	if own, err := netip.ParseAddr(by.Origin); err == nil && p.Contains(own.Unmap().WithZone("")) {
		return engine.Invalid{Field: "target", Problem: "covers the address that you work from, and would lock you out"}
	}
	if mine, hit := spared.overlaps(p); hit {
		return engine.Invalid{Field: "target", Problem: fmt.Sprintf("hits %s, a trusted proxy or another that is never blocked, and maybe everybody behind it: "+
			"block a narrower network, or take it out of clients.trusted_proxies or clients.never_block first", engine.Target{Network: mine})}
	}
	return nil
}

// canonical is the network masked, and IPv4 where it is written as IPv6.
func canonical(p netip.Prefix) (netip.Prefix, bool) {
	a := p.Addr()
	if !p.IsValid() || a.Zone() != "" {
		return p, false
	}
	if a.Is4In6() {
		if p.Bits() < 96 {
			return p, false
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

func hasControl(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return true
		}
	}
	return false
}
