package access

// A Role says what an operator or a token may do. Each may do what those before it may.
type Role uint8

// The roles, in the order of what they may do. The zero Role may do what needs nobody signed in.
const (
	Viewer  Role = iota + 1 // reads
	Analyst                 // acts on alerts, decisions and rules
	Admin                   // acts on operators, tokens and settings
)

var roles = [...]string{"", "VIEWER", "ANALYST", "ADMIN"}

func (r Role) String() string { return roles[min(int(r), len(roles)-1)] }

// Valid reports whether it is one of the roles.
func (r Role) Valid() bool { return r >= Viewer && r <= Admin }

// ParseRole reads what String writes.
func ParseRole(s string) (Role, bool) {
	for i, name := range roles {
		if i > 0 && name == s {
			return Role(i), true
		}
	}
	return 0, false
}
