package config

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

const fileSuffix = "_file"

// unknown tells of every key that means nothing, with the nearest that does. Below rules it is
// the IDs of these that mean something.
func unknown(path string, tree map[string]any, t reflect.Type, rules []string) []error {
	var wrong []error
	fields := fieldsOf(t)
	names := slices.Sorted(maps.Keys(fields))
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		f, ok := fields[key]
		if !ok {
			wrong = append(wrong, engine.Invalid{Field: path + key, Problem: "is no setting that there is; the nearest is " + path + Nearest(key, names)})
			continue
		}
		wrong = append(wrong, unknownBelow(path+key, tree[key], f, rules)...)
	}
	return wrong
}

func unknownBelow(path string, value any, t reflect.Type, rules []string) []error {
	switch v := value.(type) {
	case map[string]any:
		if t.Kind() == reflect.Map {
			return unknownRules(path, v, t.Elem(), rules)
		}
		if t.Kind() == reflect.Struct && t != reflect.TypeFor[netip.Prefix]() {
			return unknown(path+".", v, t, rules)
		}
		return []error{engine.Invalid{Field: path, Problem: "has keys below it, and takes a single value: put one with a colon in it between quotes"}}
	case []any:
		if t.Kind() != reflect.Slice {
			return []error{engine.Invalid{Field: path, Problem: "is a list, and takes a single value"}}
		}
		var wrong []error
		for i, item := range v {
			wrong = append(wrong, unknownBelow(path+"["+strconv.Itoa(i)+"]", item, t.Elem(), rules)...)
		}
		return wrong
	}
	if value != nil && (t.Kind() == reflect.Struct && t != reflect.TypeFor[netip.Prefix]() || t.Kind() == reflect.Map) {
		return []error{engine.Invalid{Field: path, Problem: "is a single value, and takes keys below it, as in " + firstKey(t)}} // the value may be a secret
	}
	return nil
}

// firstKey is an example of what may stand below.
func firstKey(t reflect.Type) string {
	if t.Kind() == reflect.Map {
		return "rate-abuse: {mode: shadow}"
	}
	return t.Field(0).Tag.Get("key") + ": ..."
}

func unknownRules(path string, written map[string]any, t reflect.Type, known []string) []error {
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(written)) {
		if !slices.Contains(known, id) {
			wrong = append(wrong, engine.Invalid{Field: path + "." + id, Problem: "is no rule that there is; the nearest is " + Nearest(id, known)})
			continue
		}
		wrong = append(wrong, unknownBelow(path+"."+id, written[id], t, known)...)
	}
	return wrong
}

// fieldsOf a struct by their keys; those that are secret have a second, for a file.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for f := range t.Fields() {
		if !f.IsExported() {
			continue
		}
		out[f.Tag.Get("key")] = f.Type
		if f.Tag.Get("secret") != "" {
			out[f.Tag.Get("key")+fileSuffix] = f.Type
		}
	}
	return out
}

// leaves are the keys that the environment can give: all but lists of things with keys.
func leaves(path string, t reflect.Type, rules []string) []string {
	var out []string
	fields := fieldsOf(t)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		switch f := fields[key]; {
		case f.Kind() == reflect.Map:
			for _, id := range rules {
				out = append(out, leaves(path+key+"."+id+".", f.Elem(), nil)...)
			}
		case f.Kind() == reflect.Struct:
			out = append(out, leaves(path+key+".", f, rules)...)
		case f.Kind() == reflect.Slice && f.Elem().Kind() == reflect.Struct && f.Elem() != reflect.TypeFor[netip.Prefix]():
		default:
			out = append(out, path+key)
		}
	}
	return out
}

func secretKeys() []string { return secretsBelow("", reflect.TypeFor[Config]()) }

func secretsBelow(path string, t reflect.Type) []string {
	var out []string
	for f := range t.Fields() {
		switch {
		case f.Tag.Get("secret") != "":
			out = append(out, path+f.Tag.Get("key"))
		case f.Type.Kind() == reflect.Struct:
			out = append(out, secretsBelow(path+f.Tag.Get("key")+".", f.Type)...)
		}
	}
	return out
}

// Nearest of the known names to what was written, by the edits between them (Levenshtein 1966);
// of equals the one that begins alike.
func Nearest(written string, known []string) string {
	best, least := "", 1<<30
	for _, k := range known {
		if d := 64*edits(written, k) - alike(written, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// alike is how many letters two names begin with in common.
func alike(a, b string) int {
	n := 0
	for n < min(len(a), len(b), 63) && a[n] == b[n] {
		n++
	}
	return n
}

func edits(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
