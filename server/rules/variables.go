package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A variable is something that an expression may ask of an exchange.
type variable struct {
	name   string
	kind   *cel.Type
	most   uint64 // bytes it holds at most, for what an expression may cost
	answer bool   // known after the API's answer only
	of     func(*engine.Exchange) ref.Val
}

// Variables of expressions. What is unknown is empty, 0 or false.
var variables = []variable{
	{"method", cel.StringType, 16, false, func(x *engine.Exchange) ref.Val { return method(x.Method) }},
	{"path", cel.StringType, longestPath, false, func(x *engine.Exchange) ref.Val { return types.String(x.Folded) }},
	{"raw_path", cel.StringType, longestPath, false, func(x *engine.Exchange) ref.Val { return types.String(x.Path) }},
	{"route", cel.StringType, longestPath, false, func(x *engine.Exchange) ref.Val { return types.String(x.Route) }},
	{"user_agent", cel.StringType, 256, false, func(x *engine.Exchange) ref.Val { return types.String(x.UserAgent) }},
	{"client", ext.IPType, 16, false, func(x *engine.Exchange) ref.Val { return ext.IP{Addr: x.Client} }},
	{"country", cel.StringType, 2, false, func(x *engine.Exchange) ref.Val { return types.String(x.Place.Country.String()) }},
	{"asn", cel.IntType, 0, false, func(x *engine.Exchange) ref.Val { return types.Int(x.Place.ASN) }},
	{"hosting", cel.BoolType, 0, false, func(x *engine.Exchange) ref.Val { return types.Bool(x.Place.Hosting) }},
	{"account", cel.StringType, 128, false, func(x *engine.Exchange) ref.Val { return types.String(x.Account) }},
	{"has_key", cel.BoolType, 0, false, func(x *engine.Exchange) ref.Val { return types.Bool(!x.Key.Zero()) }},
	{"key", cel.StringType, 8, false, func(x *engine.Exchange) ref.Val { return types.String(x.Key.Prefix) }},
	{"has_session", cel.BoolType, 0, false, func(x *engine.Exchange) ref.Val { return types.Bool(!x.Session.Zero()) }},
	{"sensitive", cel.BoolType, 0, false, func(x *engine.Exchange) ref.Val { return types.Bool(x.Class == engine.Sensitive) }},
	{"hour", cel.IntType, 0, false, func(x *engine.Exchange) ref.Val { return types.Int(x.At.UTC().Hour()) }},
	{"weekday", cel.IntType, 0, false, func(x *engine.Exchange) ref.Val { return types.Int(x.At.UTC().Weekday()) }},

	{"referred", cel.BoolType, 0, false, sign("referred")},
	{"injection", cel.BoolType, 0, false, sign("injection")},
	{"traversal", cel.BoolType, 0, false, sign("traversal")},
	{"scripted", cel.BoolType, 0, false, sign("scripted")},
	{"foreign", cel.BoolType, 0, false, sign("foreign")},
	{"cross_site", cel.BoolType, 0, false, sign("cross_site")},
	{"bad_forwarded_for", cel.BoolType, 0, false, flag(engine.BadForwardedFor)},
	{"duplicate_key", cel.BoolType, 0, false, flag(engine.DuplicateKey)},
	{"simulated_header", cel.BoolType, 0, false, flag(engine.SimulatedHeader)},
	{"body_unread", cel.BoolType, 0, false, flag(engine.BodyUnread)},

	{"status", cel.IntType, 0, true, func(x *engine.Exchange) ref.Val { return status(x.Status) }},
	{"bytes", cel.IntType, 0, true, func(x *engine.Exchange) ref.Val { return types.Int(x.Bytes) }},
	{"took_ms", cel.IntType, 0, true, func(x *engine.Exchange) ref.Val { return types.Int(x.Took.Milliseconds()) }},
	{"sets_cookie", cel.BoolType, 0, true, func(x *engine.Exchange) ref.Val { return types.Bool(x.Cookie) }},
}

const longestPath = 2048 // bytes, of engine.Request

// signs by their names.
var signs = map[string]engine.Signs{
	"referred": engine.Referred, "injection": engine.Injection, "traversal": engine.Traversal,
	"scripted": engine.Scripted, "foreign": engine.Foreign, "cross_site": engine.Elsewhere,
}

func sign(name string) func(*engine.Exchange) ref.Val {
	s := signs[name]
	return func(x *engine.Exchange) ref.Val { return types.Bool(x.Signs&s != 0) }
}

func flag(f engine.Flags) func(*engine.Exchange) ref.Val {
	return func(x *engine.Exchange) ref.Val { return types.Bool(x.Flags&f != 0) }
}

// status saves an allocation.
func status(code int) ref.Val {
	if code >= 0 && code < len(codes) {
		return codes[code]
	}
	return types.Int(code)
}

var codes = func() (v [600]ref.Val) {
	for i := range v {
		v[i] = types.Int(i)
	}
	return v
}()

// method saves an allocation for those that nearly all requests have.
func method(m string) ref.Val {
	for i, k := range usual {
		if m == k {
			return usualValues[i]
		}
	}
	return types.String(m)
}

var (
	usual       = [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}
	usualValues = func() (v [len(usual)]ref.Val) {
		for i, m := range usual {
			v[i] = types.String(m)
		}
		return v
	}()
)
