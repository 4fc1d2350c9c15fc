package incident

import (
	"strings"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Stage is how far an attack has come, after the tactics of ATT&CK.
type Stage uint8

// In the order in which an attack goes through them.
const (
	Reconnaissance   Stage = iota + 1 // looks for what is there
	InitialAccess                     // tries what might let it in
	CredentialAccess                  // tries passwords, codes and keys
	Collection                        // takes what it can read
	Impact                            // moves money, or gets in the way of others
)

var stages = [...]string{"", "Reconnaissance", "Initial access", "Credential access", "Collection", "Impact"}

func (s Stage) String() string { return stages[min(int(s), len(stages)-1)] }

// A meaning is what a rule says of an attack.
type meaning struct {
	stage   Stage
	sure    float64 // how sure one finding is that this is an attack; 0: its severity says so
	success bool    // the attacker got what he wanted
	money   bool    // money moved, or was about to
}

// meanings of rules, by what their ID contains; the first that fits holds. A rule that none fits
// belongs to no stage.
var meanings = []struct {
	in string
	meaning
}{
	{"takeover", meaning{CredentialAccess, 0.9, true, false}},
	{"success", meaning{CredentialAccess, 0.85, true, false}},
	{"payment", meaning{stage: Impact, money: true}},
	{"skipped", meaning{stage: Impact, money: true}},
	{"transaction", meaning{stage: Impact, money: true}},
	{"transfer", meaning{stage: Impact, money: true}},
	{"payee", meaning{stage: Impact, money: true}},
	{"card", meaning{stage: Impact, money: true}},
	{"refund", meaning{stage: Impact, money: true}},
	{"authentication", meaning{stage: CredentialAccess}},
	{"stuffing", meaning{stage: CredentialAccess}},
	{"spray", meaning{stage: CredentialAccess}},
	{"sign-in", meaning{stage: CredentialAccess}},
	{"login", meaning{stage: CredentialAccess}},
	{"attempt", meaning{stage: CredentialAccess}},
	{"honey", meaning{stage: Reconnaissance}},
	{"decoy", meaning{stage: Reconnaissance}},
	{"travel", meaning{stage: CredentialAccess}},
	{"country", meaning{stage: CredentialAccess}},
	{"key", meaning{stage: CredentialAccess}},
	{"probing", meaning{stage: Reconnaissance}},
	{"scan", meaning{stage: Reconnaissance}},
	{"foreign", meaning{stage: Reconnaissance}},
	{"inventory", meaning{stage: Reconnaissance}},
	{"undeclared", meaning{stage: Reconnaissance}},
	{"bot", meaning{stage: Reconnaissance}},
	{"payload", meaning{stage: InitialAccess}},
	{"injection", meaning{stage: InitialAccess}},
	{"traversal", meaning{stage: InitialAccess}},
	{"post", meaning{stage: InitialAccess}},
	{"scrap", meaning{stage: Collection}},
	{"enumeration", meaning{stage: Collection}},
	{"export", meaning{stage: Collection}},
	{"rate", meaning{stage: Impact}},
	{"burst", meaning{stage: Impact}},
}

// StageOf is the stage that a rule speaks of, 0 for none.
func StageOf(rule string) Stage { return meaningOf(rule).stage }

func meaningOf(rule string) meaning {
	for _, m := range meanings {
		if strings.Contains(rule, m.in) {
			return m.meaning
		}
	}
	return meaning{}
}

// surety of a finding where its rule's meaning says none: by severity.
var surety = [...]float64{0, 0.1, 0.25, 0.45, 0.65, 0.8}

// sureOfWeak is how sure an observation is that says nothing by itself.
const sureOfWeak = 0.15

func (e *Strand) sure() float64 {
	if e.Weak {
		return sureOfWeak
	}
	if m := meaningOf(e.Rule); m.sure > 0 {
		return m.sure
	}
	return surety[min(e.Severity, engine.Critical)]
}
