package access

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/alexedwards/argon2id"
)

// nobodyHome is a ledger with one operator.
type nobodyHome struct {
	Ledger
	mara Operator
}

func (n nobodyHome) OperatorNamed(_ context.Context, name string) (Operator, error) {
	if name == n.mara.Name {
		return n.mara, nil
	}
	return Operator{}, ErrUnknown
}

func (nobodyHome) ChangeAccess(context.Context, func(Tx) error) error { return nil }

// How long an answer takes would tell which names there are.
func TestAWrongNameCostsWhatAWrongPasswordCosts(t *testing.T) {
	ledger := &nobodyHome{}
	a, err := New(Config{Ledger: ledger})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := a.hasher.hash(t.Context(), "seven otters knit")
	if err != nil {
		t.Fatal(err)
	}
	ledger.mara = Operator{ID: "op_1", Name: "mara", Password: hash}
	for what, hash := range map[string]string{"a password": hash, "what stands for none": a.hasher.dummy} {
		if p, _, _, err := argon2id.DecodeHash(hash); err != nil || *p != cost {
			t.Errorf("%s costs %+v %v, want %+v", what, p, err, cost)
		}
	}
	asked := func(name string) error {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		_, _, err := a.SignIn(ctx, name, "seven otters knot", netip.Addr{}, "")
		return err
	}
	for range hashing { // both turns are taken: who has to hash waits for one, and gives up
		a.hasher.turns <- struct{}{}
	}
	for _, name := range []string{"mara", "nobody", "", "no name at all"} {
		if err := asked(name); !errors.Is(err, context.Canceled) {
			t.Errorf("%q is answered without hashing: %v", name, err)
		}
	}
}
