package engine

import (
	"encoding/binary"
	"fmt"
	"time"
)

// A person has one account or two; a list of stolen passwords has thousands. Behind one address
// may sit an office: people there get in, and mostly have before.
var credentialStuffing = Rule{
	ID: "credential-stuffing", Title: "Many accounts tried", Version: 1, Pack: core,
	Meaning: Meaning{Stage: CredentialAccess},
	On:      Answers, SignIns: true, Most: MostCounted,
	Terms: Terms{More: 9, Within: 10 * time.Minute, Severity: High, Do: Block, For: 30 * time.Minute},
	Watch: func(p Policy, t Terms, k keyed) watch { return stuffing{newTeller(p, k), t} },
	Explain: func(_ Policy, t Terms) string {
		return fmt.Sprintf("One client, network or key that fails to sign in to more than %s within %s, when less than %d %% of its sign-ins succeed. "+
			"Networks and keys, and clients where %d accounts signed in within 24 hours, are only told of.",
			plural(t.More, "different account"), words(t.Within), stuffingShare, residents)
	},
}

const (
	stuffingShare = 20 // percent
	residents     = 5  // accounts that make a place one where people sign in
)

type stuffing struct {
	teller
	Terms
}

func (w stuffing) ask(x *view, q *question) (t tally) {
	if x.outcome != Failed {
		return t
	}
	var who *spree
	var key, of uint64
	var about Target
	k := x.sources
	switch {
	case x.source.client.over:
		of = uint64(actorOf(x.Client))
		who, key = &x.source.client, k.hash(levelClient, of)
		t.only = who.residents >= residents || !x.sure
	case x.source.key.over:
		who, key = &x.source.key, k.hash(levelKey, binary.LittleEndian.Uint64(x.Key.Hash[:]))
		about, t.only = Target{Key: x.Key}, true
	case x.source.network.over && x.source.network.clients >= fewClients:
		who, key = &x.source.network, k.hash(levelNetwork, x.network)
		about, t.only = Target{Network: networkPrefix(x.network)}, true
	default:
		return t
	}
	span := q.hush - q.at // as long as a block lasts
	if q.hush == forever || t.only {
		span = time.Hour.Milliseconds()
	}
	if t.over = true; !w.news(key, of, q.at, max(span, 1)) {
		return t
	}
	t.tell, t.count, t.telling = true, who.accounts, &telling{about: about}
	t.seen, t.times = k.named(key, q.at)
	actor := t.about
	if actor == (Target{}) {
		actor = ActorOf(x.Client)
	}
	t.reason = fmt.Sprintf("%s from %s in %s, %d failed, %d succeeded: %s.", plural(t.count, "account"), actor,
		lasted(t.times), who.failed, who.succeeded, few(quotedAll(t.seen)))
	if t.only && who.residents >= residents {
		t.reason += fmt.Sprintf(" At least %d accounts signed in there within 24 hours, so it is not blocked.", residents)
	}
	t.unless = fmt.Sprintf("Up to %s, or with %d %% of the sign-ins well, it would not have.", plural(w.More, "account"), stuffingShare)
	return t
}
