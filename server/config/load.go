package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Sources are where settings come from, each over the one before.
type Sources struct {
	File    string            // path of the YAML file; empty for none
	Environ []string          // KEY=value, as os.Environ; only SENTINEL_ counts
	Flags   map[string]string // by key, as in "gateway.listen"

	// Packs reads the rules that are data: those that come with the program, and those in
	// rules_dir, which may be empty. nil for none.
	Packs func(dir string) ([]engine.Rule, error)

	// Judging says that the settings are read for what they judge by, and that nobody will listen or
	// connect: files that only serve opens need not be there.
	Judging bool
}

// mostOfFile is far more than anybody writes.
const mostOfFile = 4 << 20

// Load reads and checks the settings. Every mistake in them is told at once, each an
// engine.Invalid with the key and the remedy, and a Mistake where a line of the file is wrong. Of
// settings with mistakes only those are what they should be that none is told of.
func Load(s Sources) (Config, error) {
	tree, found := map[string]any{}, &mistakes{file: s.File}
	if s.File != "" {
		var err error
		if tree, found.lines, err = readYAML(s.File); err != nil {
			return Config{}, err
		}
	}
	packs, err := s.packs(tree[rulesDir])
	if err != nil { // nobody knows then what rules there are
		found.look(err)
		delete(tree, rulesKey)
		s.Environ = slices.DeleteFunc(slices.Clone(s.Environ), func(pair string) bool { return strings.HasPrefix(pair, variable(rulesKey)+"_") })
	}
	rules := slices.Sorted(maps.Keys(namedTerms(packs)))
	found.given, err = fromEnvironment(s.Environ, rules)
	found.look(err)
	maps.Copy(found.given, anyOf(s.Flags))
	if tree, err = overruled(tree, found.given); err != nil {
		return Config{}, err
	}
	found.look(errors.Join(unknown("", tree, reflect.TypeFor[Config](), rules)...))
	found.look(readSecrets(tree))
	c := Defaults()
	c.packs = packs
	for _, r := range packs {
		c.Rules[r.ID] = ruleOf(r.Terms)
	}
	found.look(decode(tree, &c))
	if s.Judging {
		c.close()
	}
	found.look(c.Validate())
	c.found = found
	return c, found.all()
}

// close forgets the files that whoever listens or connects opens.
func (c *Config) close() {
	c.Gateway.TLS, c.Console.TLS, c.Service.TLS = TLS{}, TLS{}, TLS{}
	for i := range c.Gateway.Upstreams {
		c.Gateway.Upstreams[i].CAFile = ""
	}
}

// And is what Load had against these settings, with what somebody else found besides, each with the
// line in the file.
func (c Config) And(more error) error {
	if c.found == nil {
		return more
	}
	c.found.look(more)
	return c.found.all()
}

const rulesKey, rulesDir = "rules", "rules_dir"

func anyOf(flags map[string]string) map[string]any {
	out := map[string]any{}
	for key, value := range flags {
		out[key] = value
	}
	return out
}

// overruled is what is written with what was given besides in its place.
func overruled(tree, given map[string]any) (map[string]any, error) {
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(tree, ""), nil); err != nil {
		return nil, fmt.Errorf("take the file over: %w", err)
	}
	for key, value := range given {
		if err := k.Load(confmap.Provider(map[string]any{key: value}, "."), nil); err != nil {
			return nil, fmt.Errorf("take %s over: %w", key, err)
		}
	}
	return k.Raw(), nil
}

// packs in force, before the rest is read: the rest may name their rules.
func (s Sources) packs(written any) ([]engine.Rule, error) {
	if s.Packs == nil {
		return nil, nil
	}
	dir, _ := written.(string) // decode says when it is none
	for _, pair := range s.Environ {
		if value, ok := strings.CutPrefix(pair, variable(rulesDir)+"="); ok {
			dir = value
		}
	}
	if value, ok := s.Flags[rulesDir]; ok {
		dir = value
	}
	packs, err := s.Packs(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rulesDir, err)
	}
	return packs, nil
}

// namedTerms are the terms of every rule there is, by its ID.
func namedTerms(packs []engine.Rule) map[string]engine.Terms {
	terms := maps.Clone(engine.Defaults().Rules)
	for _, r := range packs {
		terms[r.ID] = r.Terms
	}
	return terms
}

// decode lays what is written over the defaults.
func decode(tree map[string]any, c *Config) error {
	written, _ := tree[rulesKey].(map[string]any)
	delete(tree, rulesKey)
	clearLists(tree, reflect.ValueOf(c).Elem())
	wrong := []error{into("", tree, c)}
	for id, terms := range written {
		r := c.Rules[id]
		fields, _ := terms.(map[string]any) // what else it is was told as unknown
		wrong = append(wrong, into(rulesKey+"."+id+".", fields, &r))
		c.Rules[id] = r
	}
	for i := range c.Gateway.Upstreams {
		c.Gateway.Upstreams[i].fill()
	}
	return errors.Join(wrong...)
}

func (u *Upstream) fill() {
	d := UpstreamDefaults()
	if u.PreserveHost == nil {
		u.PreserveHost = d.PreserveHost
	}
	for _, f := range []struct{ set, usual *time.Duration }{
		{&u.Health.Every, &d.Health.Every},
		{&u.Health.Timeout, &d.Health.Timeout},
		{&u.Connect, &d.Connect},
		{&u.Answer, &d.Answer},
		{&u.Idle, &d.Idle},
	} {
		if *f.set == 0 {
			*f.set = *f.usual
		}
	}
}

// clearLists drops the default of every list that is written: a list replaces, it doesn't mix.
func clearLists(tree map[string]any, v reflect.Value) {
	for i := range v.NumField() {
		written, ok := tree[v.Type().Field(i).Tag.Get("key")]
		if !ok || !v.Type().Field(i).IsExported() {
			continue
		}
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			f.SetZero()
		case reflect.Struct:
			if below, ok := written.(map[string]any); ok {
				clearLists(below, f)
			}
		default:
		}
	}
}

// into decodes what stands at a place, whose name ends with a dot unless it is the top.
func into(at string, tree map[string]any, out any) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		TagName: "key", Result: out, WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(listOfOne, spans, sizes, prefixes, wholes),
	})
	if err != nil {
		return err
	}
	if err := d.Decode(tree); err != nil {
		return plainly(at, err)
	}
	return nil
}

// listOfOne lets the environment give lists, comma between, and files of secrets one in a line.
func listOfOne(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice || to.Elem().Kind() == reflect.Struct && to.Elem() != reflect.TypeFor[netip.Prefix]() {
		return value, nil
	}
	text, _ := value.(string)
	parts := []any{}
	for part := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts, nil
}

func spans(from, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() || from == to {
		return value, nil
	}
	text := fmt.Sprint(value)
	if _, ok := value.(string); !ok && text != "0" { // of what unit?
		return nil, fmt.Errorf("%v is not a duration, as in 500ms, 10s, 5m, 12h or 30d", value)
	}
	return ParseSpan(text)
}

func sizes(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[Size]() {
		return value, nil
	}
	return ParseSize(fmt.Sprint(value))
}

// wholes keeps 1.9 from being 1, and true from being 1 too.
func wholes(from, to reflect.Type, value any) (any, error) {
	if to.Kind() != reflect.Int && to.Kind() != reflect.Int64 || from.Kind() != reflect.Float64 && from.Kind() != reflect.Bool {
		return value, nil
	}
	return nil, &mapstructure.ParseError{Expected: reflect.Zero(to), Value: value, Err: strconv.ErrSyntax}
}

func prefixes(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[netip.Prefix]() {
		return value, nil
	}
	text := fmt.Sprint(value)
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("%q is neither an address nor a network, as in 10.0.0.0/8", text)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return nil, fmt.Errorf("%q mixes IPv4 and IPv6: write them apart", text)
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// readSecrets puts in place what is given as a file: for every secret key also key_file.
func readSecrets(tree map[string]any) error {
	var wrong []error
	for _, key := range secretKeys() {
		path, ok := take(tree, key+fileSuffix)
		if !ok {
			continue
		}
		b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			wrong = append(wrong, engine.Invalid{Field: key + fileSuffix, Problem: "can't be read: " + err.Error()})
			continue
		}
		put(tree, key, strings.TrimRight(string(b), "\r\n"))
	}
	return errors.Join(wrong...)
}

func take(tree map[string]any, key string) (string, bool) {
	parts := strings.Split(key, ".")
	for _, p := range parts[:len(parts)-1] {
		below, ok := tree[p].(map[string]any)
		if !ok {
			return "", false
		}
		tree = below
	}
	last := parts[len(parts)-1]
	text, ok := tree[last].(string)
	delete(tree, last)
	return text, ok
}

func put(tree map[string]any, key, value string) {
	parts := strings.Split(key, ".")
	for _, p := range parts[:len(parts)-1] {
		tree, _ = tree[p].(map[string]any) // take has found it
	}
	tree[parts[len(parts)-1]] = value
}

// fromEnvironment maps SENTINEL_GATEWAY_LISTEN to gateway.listen.
func fromEnvironment(environ, rules []string) (map[string]any, error) {
	known := map[string]string{}
	for _, key := range leaves("", reflect.TypeFor[Config](), rules) {
		known[variable(key)] = key
	}
	out := map[string]any{}
	var wrong []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || foreign.MatchString(name) {
			continue
		}
		key, ok := known[name]
		if !ok {
			names := make([]string, 0, len(known))
			for n := range known {
				names = append(names, n)
			}
			slices.Sort(names)
			wrong = append(wrong, engine.Invalid{Field: name, Problem: "is no setting that there is; the nearest is " + Nearest(name, names)})
			continue
		}
		out[key] = value
	}
	return out, errors.Join(wrong...)
}

const prefix = "SENTINEL_"

// foreign variables begin like ours: those of our tests, and those that Kubernetes makes of a
// service whose name begins with sentinel.
var foreign = regexp.MustCompile(`^SENTINEL_(TEST_.*|(.*_)?SERVICE_(HOST|PORT(_.*)?)|(.*_)?PORT(_[0-9]+_(TCP|UDP)(_.*)?)?)$`)

func variable(key string) string {
	return prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}
