package incident

import (
	"sync"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// means is what the strand's rule says of an attack: as its findings told, or of what is older
// than that, as is known of the rules of that time.
func (e *Strand) means() engine.Meaning {
	if e.Means != (engine.Meaning{}) {
		return e.Means
	}
	return ofBefore()[e.Rule]
}

// ofBefore are the meanings of the rules that there were when findings did not tell them yet: those
// of the engine, and of the packs that came with it. What was stored then names its rule only.
var ofBefore = sync.OnceValue(func() map[string]engine.Meaning {
	all := map[string]engine.Meaning{
		"network-rate":                     {Stage: engine.Impact},
		"key-rate":                         {Stage: engine.Impact},
		"account-rate":                     {Stage: engine.Impact},
		"network-failed-authentication":    {Stage: engine.CredentialAccess},
		"key-failed-authentication":        {Stage: engine.CredentialAccess},
		"account-failed-authentication":    {Stage: engine.CredentialAccess},
		"account-tried-from-many-networks": {Stage: engine.CredentialAccess},
		"client-credentials-guessed":       {Stage: engine.CredentialAccess},
		"objects-enumerated":               {Stage: engine.Collection},
		"functions-probed":                 {Stage: engine.Reconnaissance},
		"key-in-many-countries":            {Stage: engine.CredentialAccess},
		"secrets-asked-for":                {Stage: engine.Reconnaissance},
		"secrets-given-out":                {Stage: engine.Collection},
		"management-asked-for":             {Stage: engine.Reconnaissance},
	}
	for _, r := range engine.Rules() {
		all[r.ID] = r.Meaning
	}
	return all
})

// surety of a finding, by severity.
var surety = [...]float64{0, 0.1, 0.25, 0.45, 0.65, 0.8}

const (
	sureOfWeak    = 0.15 // an observation that says nothing by itself
	sureOfSuccess = 0.85 // what says that the attacker got what he wanted
)

// sure is how sure one finding is that this is an attack.
func (e *Strand) sure() float64 {
	switch {
	case e.Weak:
		return sureOfWeak
	case e.means().Success:
		return sureOfSuccess
	}
	return surety[min(e.Severity, engine.Critical)]
}
