package engine

import "strings"

// A Stage is how far an attack has come, after the tactics of ATT&CK; 0 for what tells of none.
type Stage uint8

// In the order in which an attack goes through them.
const (
	Reconnaissance   Stage = iota + 1 // looks for what is there
	InitialAccess                     // tries what might let it in
	CredentialAccess                  // tries passwords, codes and keys, or uses those of others
	Collection                        // takes what it can read
	Impact                            // moves money, or gets in the way of others
)

// Stages is how many there are, with none.
const Stages = len(stages)

var stages = [...]string{"", "Reconnaissance", "Initial access", "Credential access", "Collection", "Impact"}

func (s Stage) String() string { return stages[min(int(s), len(stages)-1)] }

// ParseStage reads what String writes, in small letters too.
func ParseStage(s string) (Stage, bool) {
	for i, n := range stages {
		if i > 0 && strings.EqualFold(n, s) {
			return Stage(i), true
		}
	}
	return 0, false
}

// A Meaning is what a rule says of an attack in which it finds something.
type Meaning struct {
	Stage   Stage `json:"stage,omitempty"`
	Success bool  `json:"success,omitempty"` // the attacker got what he wanted
	Money   bool  `json:"money,omitempty"`   // money moved, or was about to
}
