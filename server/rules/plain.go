package rules

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A plain expression asks for nothing but truths and numbers that are at hand, as "!hosting" or
// "bytes > 0 && status < 300" do. It can't fail, and is run as it stands: CEL's machinery takes
// longer than the rest of a rule.
type plain func(*engine.Exchange) bool

// plainOf is an expression, whose types were checked, as a plain one; nil where it is more.
func plainOf(e ast.Expr) plain {
	switch e.Kind() { //nolint:exhaustive // the others are not plain
	case ast.IdentKind:
		if v := variableOf(e); v != nil && v.truth != nil {
			return v.truth
		}
	case ast.LiteralKind:
		if is, ok := e.AsLiteral().(types.Bool); ok {
			return func(*engine.Exchange) bool { return bool(is) }
		}
	case ast.CallKind:
		return plainCall(e.AsCall())
	}
	return nil
}

func plainCall(c ast.CallExpr) plain {
	args := c.Args()
	if c.IsMemberFunction() || len(args) == 0 || len(args) > 2 {
		return nil
	}
	if len(args) == 1 {
		if is := plainOf(args[0]); is != nil && c.FunctionName() == operators.LogicalNot {
			return func(x *engine.Exchange) bool { return !is(x) }
		}
		return nil
	}
	switch c.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		a, b, or := plainOf(args[0]), plainOf(args[1]), c.FunctionName() == operators.LogicalOr
		switch {
		case a == nil || b == nil:
			return nil
		case or:
			return func(x *engine.Exchange) bool { return a(x) || b(x) }
		}
		return func(x *engine.Exchange) bool { return a(x) && b(x) }
	}
	return compared(c.FunctionName(), args[0], args[1])
}

// compared is a number beside one that is written out.
func compared(by string, left, right ast.Expr) plain {
	v := variableOf(left)
	if v == nil || v.number == nil || right.Kind() != ast.LiteralKind {
		return nil
	}
	to, ok := right.AsLiteral().(types.Int)
	if !ok {
		return nil
	}
	is, n := v.number, int64(to)
	switch by {
	case operators.Equals:
		return func(x *engine.Exchange) bool { return is(x) == n }
	case operators.NotEquals:
		return func(x *engine.Exchange) bool { return is(x) != n }
	case operators.Less:
		return func(x *engine.Exchange) bool { return is(x) < n }
	case operators.LessEquals:
		return func(x *engine.Exchange) bool { return is(x) <= n }
	case operators.Greater:
		return func(x *engine.Exchange) bool { return is(x) > n }
	case operators.GreaterEquals:
		return func(x *engine.Exchange) bool { return is(x) >= n }
	}
	return nil
}

// variableOf is the variable that an expression is; nil for none.
func variableOf(e ast.Expr) *variable {
	if e.Kind() != ast.IdentKind {
		return nil
	}
	for i := range variables {
		if variables[i].name == e.AsIdent() {
			return &variables[i]
		}
	}
	return nil
}
