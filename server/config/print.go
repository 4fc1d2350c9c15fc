package config

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Print writes the settings as YAML that Load reads again, but for secrets, which are hidden.
func (c Config) Print() (string, error) {
	b, err := yaml.MarshalWithOptions(plain(reflect.ValueOf(c)), yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return string(b), nil
}

const hidden = "(hidden)"

// plain is a value in YAML's own terms, the keys of structs in their order.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return Span(x)
	case Size:
		return x.String()
	case netip.Prefix:
		return x.String()
	case Mode:
		return string(x)
	}
	switch v.Kind() {
	case reflect.Struct:
		out := yaml.MapSlice{}
		for i := range v.NumField() {
			f, tag := v.Field(i), v.Type().Field(i).Tag
			if !v.Type().Field(i).IsExported() {
				continue
			}
			value := plain(f)
			if tag.Get("secret") != "" && !f.IsZero() && (f.Kind() != reflect.Slice || f.Len() > 0) {
				value = hidden
			}
			out = append(out, yaml.MapItem{Key: tag.Get("key"), Value: value})
		}
		return out
	case reflect.Map:
		out := yaml.MapSlice{}
		for _, key := range slices.Sorted(maps.Keys(v.Interface().(map[string]Rule))) { //nolint:errcheck,forcetypeassert // the only map there is
			out = append(out, yaml.MapItem{Key: key, Value: plain(v.MapIndex(reflect.ValueOf(key)))})
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	default:
		return v.Interface()
	}
}
