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
	reads
}

// Variables of expressions. What is unknown is empty, 0 or false.
var variables = []variable{
	{"method", cel.StringType, 16, false, value(func(x *engine.Exchange) ref.Val { return method(x.Method) })},
	{"path", cel.StringType, longestPath, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Folded) })},
	{"raw_path", cel.StringType, longestPath, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Path) })},
	{"route", cel.StringType, longestPath, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Route) })},
	{"user_agent", cel.StringType, 256, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.UserAgent) })},
	{"client", ext.IPType, 16, false, value(func(x *engine.Exchange) ref.Val { return ext.IP{Addr: x.Client} })},
	{"country", cel.StringType, 2, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Place.Country.String()) })},
	{"asn", cel.IntType, 0, false, number(func(x *engine.Exchange) int64 { return int64(x.Place.ASN) })},
	{"hosting", cel.BoolType, 0, false, truth(func(x *engine.Exchange) bool { return x.Place.Hosting })},
	{"account", cel.StringType, 128, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Account) })},
	{"has_key", cel.BoolType, 0, false, truth(func(x *engine.Exchange) bool { return !x.Key.Zero() })},
	{"key", cel.StringType, 8, false, value(func(x *engine.Exchange) ref.Val { return types.String(x.Key.Prefix) })},
	{"has_session", cel.BoolType, 0, false, truth(func(x *engine.Exchange) bool { return !x.Session.Zero() })},
	{"sensitive", cel.BoolType, 0, false, truth(func(x *engine.Exchange) bool { return x.Class == engine.Sensitive })},
	{"hour", cel.IntType, 0, false, number(func(x *engine.Exchange) int64 { return int64(x.At.UTC().Hour()) })},
	{"weekday", cel.IntType, 0, false, number(func(x *engine.Exchange) int64 { return int64(x.At.UTC().Weekday()) })},

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

	{"status", cel.IntType, 0, true, number(func(x *engine.Exchange) int64 { return int64(x.Status) })},
	{"bytes", cel.IntType, 0, true, number(func(x *engine.Exchange) int64 { return x.Bytes })},
	{"took_ms", cel.IntType, 0, true, number(func(x *engine.Exchange) int64 { return x.Took.Milliseconds() })},
	{"sets_cookie", cel.BoolType, 0, true, truth(func(x *engine.Exchange) bool { return x.Cookie })},
}

const longestPath = 2048 // bytes, of engine.Request

// signs by their names.
var signs = map[string]engine.Signs{
	"referred": engine.Referred, "injection": engine.Injection, "traversal": engine.Traversal,
	"scripted": engine.Scripted, "foreign": engine.Foreign, "cross_site": engine.Elsewhere,
}

func sign(name string) reads {
	s := signs[name]
	return truth(func(x *engine.Exchange) bool { return x.Signs&s != 0 })
}

func flag(f engine.Flags) reads {
	return truth(func(x *engine.Exchange) bool { return x.Flags&f != 0 })
}

// reads a variable from an exchange: as CEL wants it, and as it is where a plain expression may ask.
type reads struct {
	of     func(*engine.Exchange) ref.Val
	truth  func(*engine.Exchange) bool  // nil for others than bools
	number func(*engine.Exchange) int64 // nil for others than ints
}

func value(of func(*engine.Exchange) ref.Val) reads { return reads{of: of} }

func truth(is func(*engine.Exchange) bool) reads {
	return reads{of: func(x *engine.Exchange) ref.Val { return types.Bool(is(x)) }, truth: is}
}

// number saves an allocation for those that are small, as statuses are.
func number(is func(*engine.Exchange) int64) reads {
	return reads{number: is, of: func(x *engine.Exchange) ref.Val {
		n := is(x)
		if n < 0 || n >= int64(len(codes)) {
			return types.Int(n)
		}
		return codes[n]
	}}
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
