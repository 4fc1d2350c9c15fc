package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Bounds of an expression.
const (
	longestExpression = 2000 // bytes
	// What CEL reckons in: about one for each look at a variable or comparison, one for ten bytes
	// that are searched. The limit leaves room for a search through the whole path with a dozen
	// short words or one regular expression; what loops over it is refused.
	mostCost = 10_000
	mostLoop = 1 // loops within each other
	mostRE   = 500
)

// An expression is a compiled condition. It is safe for concurrent use.
type expression struct {
	program cel.Program
	plain   plain         // the same, where it is that simple; else nil
	failed  atomic.Uint64 // times it could not be evaluated; it was false then
}

// environments hold what expressions over requests and over answers may name. They are made when
// the first expression is compiled.
var environments = sync.OnceValues(func() (map[string]*cel.Env, error) {
	out := map[string]*cel.Env{}
	for _, on := range []string{onRequest, onAnswer} {
		options := []cel.EnvOption{
			ext.Network(), ext.Strings(), ext.Sets(),
			cel.ParserExpressionSizeLimit(longestExpression), cel.ParserRecursionLimit(50), cel.RegexProgramSizeLimit(mostRE),
			cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(mostLoop)),
		}
		for _, v := range variables {
			if !v.answer || on == onAnswer {
				options = append(options, cel.Variable(v.name, v.kind))
			}
		}
		env, err := cel.NewEnv(options...)
		if err != nil {
			return nil, fmt.Errorf("prepare expressions: %w", err)
		}
		out[on] = env
	}
	return out, nil
})

// compile checks an expression's types, patterns and cost.
func compile(text, on string) (*expression, error) {
	if len(text) > longestExpression {
		return nil, fmt.Errorf("has %d bytes, and may have %d: split the rule", len(text), longestExpression)
	}
	all, err := environments()
	if err != nil {
		return nil, err
	}
	env := all[on]
	tree, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, errors.New(plainly(issues.Errors(), on))
	}
	if tree.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("is %s, and must be true or false: compare it with something", tree.OutputType())
	}
	if err := constant(tree); err != nil {
		return nil, err
	}
	reckoned, err := env.EstimateCost(tree, sizes{})
	if err != nil {
		return nil, fmt.Errorf("can't be reckoned: %w", err)
	}
	if reckoned.Max > mostCost {
		return nil, fmt.Errorf("may cost %d, and at most %d are allowed: search shorter text (route, user_agent) or fewer words, or say it with when.route and when.method", reckoned.Max, mostCost)
	}
	program, err := env.Program(tree, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("can't be run: %w", err)
	}
	return &expression{program: program, plain: plainOf(tree.NativeRep().Expr())}, nil
}

// plainly tells where in the expression its mistakes are.
func plainly(mistakes []*cel.Error, on string) string {
	var said []string
	for _, m := range mistakes[:min(len(mistakes), 3)] {
		text := m.Message
		if found := undeclared.FindStringSubmatch(text); found != nil {
			text = unknown(found[1], on)
		}
		said = append(said, fmt.Sprintf("at %d:%d: %s", m.Location.Line(), m.Location.Column()+1, text))
	}
	return "is wrong " + strings.Join(said, "; ")
}

var undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)

func unknown(name, on string) string {
	var names []string
	for _, v := range variables {
		if v.name == name {
			return name + " is not known before the answer: write on: answer"
		}
		if !v.answer || on == onAnswer {
			names = append(names, v.name)
		}
	}
	return name + " is neither a variable nor a function; the nearest variable is " + config.Nearest(name, names)
}

// constant makes sure that regular expressions and networks are written out, as what an attacker
// sends is never taken for one, and that no text is made that grows with what he sends.
func constant(tree *cel.Ast) error {
	parsing := []string{"matches", "cidr", "ip", "isIP", "isCIDR", "containsCIDR"}
	for _, call := range ast.MatchDescendants(ast.NavigateAST(tree.NativeRep()), ast.KindMatcher(ast.CallKind)) {
		c := call.AsCall()
		args := c.Args()
		if slices.Contains([]string{"format", "replace", "join", "strings.quote"}, c.FunctionName()) {
			return fmt.Errorf("uses %s, which is not offered: look at the text as it is", c.FunctionName())
		}
		if len(args) == 0 || !slices.Contains(parsing, c.FunctionName()) {
			continue
		}
		if last := args[len(args)-1]; last.Kind() != ast.LiteralKind {
			return fmt.Errorf("gives %s something that is not written out: write it between quotes", c.FunctionName())
		}
	}
	return nil
}

// sizes tells CEL how long text may be.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	if path := n.Path(); len(path) == 1 {
		for _, v := range variables {
			if v.name == path[0] && v.most > 0 {
				return &cost.SizeEstimate{Max: v.most}
			}
		}
	}
	return nil
}

// EstimateCallCost implements cost.Estimator.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// holds reports whether an exchange is what the expression looks for. When that can't be said,
// it does not, and the failure is counted.
func (e *expression) holds(x *engine.Exchange) bool {
	if e.plain != nil {
		return e.plain(x)
	}
	s := lent.Get().(*seen) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	s.x = x
	out, _, err := e.program.Eval(s)
	s.x = nil
	lent.Put(s)
	if err != nil {
		e.failed.Add(1)
		return false
	}
	return out == types.True
}

// seen is an exchange as an expression sees it: nothing is looked up that it does not ask for.
type seen struct{ x *engine.Exchange }

var lent = sync.Pool{New: func() any { return new(seen) }}

var byName = func() map[string]func(*engine.Exchange) any {
	out := map[string]func(*engine.Exchange) any{}
	for _, v := range variables {
		out[v.name] = func(x *engine.Exchange) any { return v.of(x) }
	}
	return out
}()

// ResolveName implements cel.Activation.
func (s *seen) ResolveName(name string) (any, bool) {
	of, ok := byName[name]
	if !ok {
		return nil, false
	}
	return of(s.x), true
}

// Parent implements cel.Activation.
func (s *seen) Parent() cel.Activation { return nil }
