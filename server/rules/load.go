package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Rule is a definition that can be used.
type Rule struct {
	Definition
	File string
	Line int

	rule  engine.Rule
	where *expression // nil when there is none
}

// Engine is what the engine runs.
func (r *Rule) Engine() engine.Rule { return r.rule }

// Failed is how often its expression could not be evaluated, and was false.
func (r *Rule) Failed() uint64 {
	if r.where == nil {
		return 0
	}
	return r.where.failed.Load()
}

// A Set is the rules of packs, in the order of files and within them.
type Set []*Rule

//go:embed packs/*.yml
var packs embed.FS

// BuiltIn is the packs that come with the program.
func BuiltIn() (Set, error) {
	dir, err := fs.Sub(packs, "packs")
	if err != nil {
		return nil, err
	}
	return Load(dir)
}

// LoadDir reads the packs in a directory, that of an operator.
func LoadDir(dir string) (Set, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is not there: make the directory, or name another", dir)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s may not be read by this user: chmod it, or run this as one who may", dir)
	case err != nil:
		return nil, fmt.Errorf("read the rules: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: name the directory that it lies in", dir)
	}
	return Load(os.DirFS(dir))
}

// All is the built-in packs with those of a directory after them, none when dir is empty.
func All(dir string) (Set, error) {
	set, err := BuiltIn()
	if err != nil || dir == "" {
		return set, err
	}
	own, err := LoadDir(dir)
	if err != nil {
		return nil, err
	}
	if err := set.apart(own); err != nil {
		return nil, err
	}
	return append(set, own...), nil
}

// apart makes sure that no rule of another set is called like one of this.
func (s Set) apart(other Set) error {
	var wrong []error
	for _, r := range other {
		if i := slices.IndexFunc(s, func(o *Rule) bool { return o.ID == r.ID }); i >= 0 {
			wrong = append(wrong, r.mistake("id", fmt.Sprintf("is %s, as that of a rule in the built-in pack %s: choose another", r.ID, s[i].Pack)))
		}
	}
	return errors.Join(wrong...)
}

func (r *Rule) mistake(field, problem string) Mistake {
	return Mistake{File: r.File, Line: r.Line, Invalid: engine.Invalid{Field: field, Problem: problem}}
}

// Load reads every file that ends in .yml, .yaml or .json. Every mistake in them is told, each a
// Mistake, joined; with one there is no Set. Of a rule with fields that can't be read, those are told first,
// and the rest once they are mended.
func Load(dir fs.FS) (Set, error) {
	files, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, fmt.Errorf("read the rules: %w: may this user read the directory?", err)
	}
	var set Set
	var wrong []error
	for _, f := range files {
		if f.IsDir() || !slices.Contains([]string{".yml", ".yaml", ".json"}, path.Ext(f.Name())) {
			continue
		}
		text, err := content(dir, f.Name())
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		read, err := Read(f.Name(), text)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		set = append(set, read...)
	}
	if len(set) > MostRules {
		wrong = append(wrong, fmt.Errorf("there are %d rules, and may be %d: put together what differs in its routes only", len(set), MostRules))
	}
	if err := errors.Join(append(wrong, set.twins())...); err != nil {
		return nil, err
	}
	return set, nil
}

func content(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	if err != nil {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: "can't be read: " + err.Error()}}
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for, and a device has no end
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: "is no file: take it out of the directory"}}
	}
	if info.Size() > MostFile {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: fmt.Sprintf("has %d bytes, and may have %d: split it", info.Size(), MostFile)}}
	}
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: "can't be read by this user: " + err.Error()}}
	}
	return text, nil
}

// Read reads one pack, YAML or JSON. The name is what mistakes call the file.
func Read(name string, text []byte) (Set, error) {
	if len(text) > MostFile {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: fmt.Sprintf("has more than %d bytes: split it", MostFile)}}
	}
	r := reader{file: name, lines: map[string]int{}}
	p := r.read(text)
	if p.Pack == "" {
		p.Pack = named(strings.TrimSuffix(path.Base(name), path.Ext(name)))
	}
	if len(p.Rules) > MostRules {
		r.say(r.lines["rules"], "rules", "are %d, and may be %d", len(p.Rules), MostRules)
		p.Rules = nil
	}
	unread := r.wrong
	if len(p.Rules) == 0 && len(unread) == 0 {
		r.say(1, "rules", "are missing: write one, or remove the file")
	}
	var set Set
	for i, d := range p.Rules {
		place := at("rules", i)
		if lies(unread, place) { // what can't be read would be told twice, and mislead about the rest
			continue
		}
		if d.Pack == "" {
			d.Pack = p.Pack
		}
		made, wrong := build(d)
		for _, w := range wrong {
			r.say(r.line(place, w.Field), place+"."+w.Field, "%s", w.Problem)
		}
		made.File, made.Line = name, r.lines[place]
		set = append(set, made)
	}
	if err := errors.Join(r.mistakes(), set.twins()); err != nil {
		return nil, err
	}
	return set, nil
}

// lies reports whether one of the mistakes is at a place or below.
func lies(wrong []error, place string) bool {
	return slices.ContainsFunc(wrong, func(e error) bool {
		m, ok := errors.AsType[Mistake](e)
		return ok && config.Nested(place, m.Field)
	})
}

// named makes a pack's name of a file's.
func named(file string) string {
	words := strings.FieldsFunc(strings.ToLower(file), func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
	return strings.Join(words, "-")
}

// mostTold is how many mistakes of a file are told.
const mostTold = 20

// mistakes in the order of the file.
func (r *reader) mistakes() error {
	slices.SortStableFunc(r.wrong, func(a, b error) int { return lineOf(a) - lineOf(b) })
	if more := len(r.wrong) - mostTold; more > 0 {
		return errors.Join(append(r.wrong[:mostTold:mostTold], fmt.Errorf("%s: and %d more", r.file, more))...)
	}
	return errors.Join(r.wrong...)
}

func lineOf(err error) int {
	m, _ := errors.AsType[Mistake](err)
	return m.Line
}

// line of a field, or of the nearest that it lies in.
func (r *reader) line(place, field string) int {
	for name := place + "." + field; ; {
		if line := r.lines[name]; line > 0 {
			return line
		}
		cut := strings.LastIndexAny(name, ".[")
		if cut < 0 {
			return 0
		}
		name = name[:cut]
	}
}

// twins tells of rules with the same ID.
func (s Set) twins() error {
	var wrong []error
	seen := map[string]*Rule{}
	for _, r := range s {
		if first := seen[r.ID]; first != nil {
			wrong = append(wrong, r.mistake("id", fmt.Sprintf("is %s, as that of the rule at %s:%d: choose another", r.ID, first.File, first.Line)))
			continue
		}
		seen[r.ID] = r
	}
	return errors.Join(wrong...)
}

// Rules of the set, as the engine runs them.
func (s Set) Rules() []engine.Rule {
	out := make([]engine.Rule, len(s))
	for i, r := range s {
		out[i] = r.rule
	}
	return out
}

// Into is a policy with the set in force. Terms that it has for a rule already stay.
func (s Set) Into(p engine.Policy) engine.Policy {
	p.Rules = maps.Clone(p.Rules)
	for _, r := range s {
		if _, told := p.Rules[r.ID]; !told {
			p.Rules[r.ID] = r.rule.Terms
		}
	}
	p.Packs = append(slices.Clone(p.Packs), s.Rules()...)
	return p
}

// Missing tells of the scenarios that a rule lacks.
func (r *Rule) Missing() []error {
	var out []error
	if len(r.Shows) == 0 {
		out = append(out, r.mistake("shows", "is missing: write traffic that trips the rule"))
	}
	if len(r.Nearly) == 0 {
		out = append(out, r.mistake("nearly", "is missing: write honest traffic that comes close"))
	}
	return out
}

// Trips says in a few words when the rule fires.
func (d *Definition) Trips() string {
	by := strings.Join(d.By, " and ")
	what := "requests"
	switch {
	case d.Distinct != "" && d.Count == 1:
		what = "value of " + d.Distinct
	case d.Distinct != "":
		what = "different values of " + d.Distinct
	case d.Count == 1:
		what = "request"
	}
	if d.Count == 0 {
		return "one by a " + by
	}
	return fmt.Sprintf("more than %d %s in %s by %s", d.Count, what, engine.Spoken(time.Duration(d.Within)), by)
}

// Then says in a few words what follows.
func (d *Definition) Then() string {
	if d.Do == doNothing {
		return d.Severity
	}
	long := []string{engine.Spoken(time.Duration(d.For))}
	for _, rung := range d.Ladder[min(1, len(d.Ladder)):] {
		long = append(long, engine.Spoken(time.Duration(rung)))
	}
	return fmt.Sprintf("%s, %s for %s", d.Severity, d.Do, strings.Join(long, ", then "))
}

var builtInIDs = sync.OnceValue(func() map[string]bool {
	ids := map[string]bool{}
	set, err := BuiltIn()
	if err != nil {
		return ids // a test holds the packs to be sound
	}
	for _, r := range set {
		ids[r.ID] = true
	}
	return ids
})

// ComesWith reports whether a rule is of a pack that comes with the program.
func ComesWith(id string) bool { return builtInIDs()[id] }
