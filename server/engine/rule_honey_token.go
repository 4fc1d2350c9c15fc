package engine

import (
	"fmt"
	"slices"
	"time"
)

// A decoy key or account was given to nobody: it lies where only a thief would find it. Accounts
// that stand in bodies are known with the answer only, so it is asked then, too.
var honeyToken = Rule{
	ID: "honey-token", Title: "Decoy key or account used", Version: 1, Pack: fintech,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Requests, Afterwards: true,
	Carries: decoyed,
	Terms:   Terms{Severity: Critical, Do: Block, For: time.Hour},
	Refuse:  403,
	Watch: func(p Policy, _ Terms, k keyed) watch {
		return honeyTokens{window: newWindow[uint32](0, hushed, p.Late.Milliseconds(), false, p.Clients/64, k)}.under(p)
	},
	Explain: func(p Policy, _ Terms) string {
		return fmt.Sprintf("Any request with one of %s or for one of %s is refused with 403, or found with its answer where the account stands in the body. "+
			"With a real key it is the key that is acted on.",
			plural(len(p.DecoyKeys), "decoy key"), plural(len(p.DecoyAccounts), "decoy account"))
	},
}

// decoyed tells requests that carry a decoy.
func decoyed(p Policy) func(key [16]byte, account string) bool {
	keys, accounts := map[[16]byte]bool{}, map[string]bool{}
	for _, k := range p.DecoyKeys {
		keys[k.Hash] = true
	}
	for _, a := range p.DecoyAccounts {
		accounts[a] = true
	}
	return func(key [16]byte, account string) bool {
		return len(keys) > 0 && keys[key] || len(accounts) > 0 && accounts[account]
	}
}

type honeyTokens struct {
	*window[uint32]
	accounts []string
	keys     []Key
}

func (w honeyTokens) under(p Policy) watch {
	return honeyTokens{w.window, p.DecoyAccounts, p.DecoyKeys}
}

func (w honeyTokens) ask(x *view, q *question) tally {
	t := w.see(actorOf(x.Client), q)
	if !t.tell {
		return t
	}
	if t.telling == nil { // where nobody counts him
		t.telling = new(telling)
	}
	who := ActorOf(x.Client)
	if slices.ContainsFunc(w.keys, func(k Key) bool { return k.Hash == x.Key.Hash }) {
		t.reason = fmt.Sprintf("%s used key %s, a decoy that was given to nobody.", who, quoted(x.Key.Prefix))
		return t
	}
	t.seen = []string{x.Account}
	t.reason = fmt.Sprintf("%s asked for account %s, a decoy that nobody has.", who, quoted(x.Account))
	if !x.Key.Zero() {
		t.about = Target{Key: x.Key}
		t.reason = fmt.Sprintf("%s asked with key %s for account %s, a decoy that nobody has.", who, quoted(x.Key.Prefix), quoted(x.Account))
	}
	return t
}
