// Package graph is the GraphQL edge: reads go to the store, changes go to the guard, news come
// from the guard. What a document may ask is bounded before anything walks it.
package graph

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/sentinel-protocol/sentinel/server/access"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// NewServer returns an executor of operations with every limit in force, to which whoever
// serves it adds transports. Subscriptions run only below a context of WithHangUp.
func NewServer(r *Resolver) *handler.Server {
	s := handler.New(NewExecutableSchema(Config{Resolvers: r}))
	known := &documents{lru.New[*ast.QueryDocument](128)}
	s.SetQueryCache(known)
	s.SetParserTokenLimit(mostTokens)
	s.SetDisableSuggestion(true)
	s.SetValidationRulesFn(rulesWithoutHints)
	s.SetErrorPresenter(present(r.log))
	s.SetRecoverFunc(recovered(r.log))
	s.Use(gate{known, r.about.Demo, r.denied})
	return s
}

// rulesWithoutHints are the usual ones, but none compares what a stranger wrote with every name
// of the schema to guess what he meant: that takes long, and tells him the names.
func rulesWithoutHints() *rules.Rules {
	r := rules.NewDefaultRules()
	r.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	r.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return r
}

// documents that were found sound, by their text. Long ones are not kept: a stranger could fill
// the memory with them.
type documents struct{ *lru.LRU[*ast.QueryDocument] }

const longestKept = 8 << 10

func (d *documents) Add(ctx context.Context, query string, doc *ast.QueryDocument) {
	if len(query) <= longestKept {
		d.LRU.Add(ctx, query, doc)
	}
}

// gate is what every operation passes, whichever transport it came by.
type gate struct {
	known         *documents
	introspection bool
	denied        func(ctx context.Context, o Operator, deed string)
}

func (gate) ExtensionName() string                   { return "Gate" }
func (gate) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters measures the document before it is validated.
func (g gate) MutateOperationParameters(ctx context.Context, p *graphql.RawParams) *gqlerror.Error {
	if p.Query == "" {
		return invalid("query", "is missing")
	}
	if _, ok := g.known.Get(ctx, p.Query); ok {
		return nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: p.Query}, mostTokens)
	if err != nil {
		var e *gqlerror.Error
		if !errors.As(err, &e) {
			return invalid("query", "can't be read")
		}
		if strings.HasPrefix(e.Message, "exceeded token limit") {
			return tooComplex("is longer than %d tokens", mostTokens)
		}
		return Fault{Code: Invalid, Message: clip(e.Message, longestMessage), Field: "query"}.graphql(nil, e.Locations)
	}
	return checkShape(doc)
}

// MutateOperationContext asks whether the operator may do it, and weighs the operation with its
// variables.
func (g gate) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	op.DisableIntrospection = !g.introspection
	if _, live := hangUpOf(ctx); op.Operation.Operation == ast.Subscription && !live {
		return invalid("query", "is a subscription: ask over a socket, with the protocol graphql-transport-ws")
	}
	if e := g.allowed(ctx, op.Operation); e != nil {
		return e
	}
	return checkCost(op.Operation, op.Variables)
}

// allowed reports what an operation asks for at its root that its operator may not do; also
// below a fragment, and also where @skip would leave it out.
func (g gate) allowed(ctx context.Context, op *ast.OperationDefinition) *gqlerror.Error {
	o, in := OperatorOf(ctx)
	if !in {
		return Fault{Code: Unauthenticated, Message: "Sign in first."}.graphql(nil, nil)
	}
	kind := map[ast.Operation]string{ast.Query: "Query.", ast.Mutation: "Mutation.", ast.Subscription: "Subscription."}[op.Operation]
	seen := map[string]bool{}
	var refuse func(ast.SelectionSet) *gqlerror.Error
	refuse = func(set ast.SelectionSet) *gqlerror.Error {
		for _, selection := range set {
			var below ast.SelectionSet
			switch x := selection.(type) {
			case *ast.Field:
				if !g.introspection && (x.Name == "__schema" || x.Name == "__type") {
					return Fault{Code: Denied, Message: "The schema is told in the demo only."}.graphql(ast.Path{ast.PathName(x.Alias)}, nil)
				}
				if !strings.HasPrefix(x.Name, "__") && !o.Role.May(kind+x.Name) { // introspection is refused, where it is, by itself
					g.denied(ctx, o, kind+x.Name)
					return Fault{Code: Denied, Message: denial(kind + x.Name)}.graphql(ast.Path{ast.PathName(x.Alias)}, nil)
				}
			case *ast.InlineFragment:
				below = x.SelectionSet
			case *ast.FragmentSpread:
				if !seen[x.Name] && x.Definition != nil {
					seen[x.Name], below = true, x.Definition.SelectionSet
				}
			}
			if e := refuse(below); e != nil {
				return e
			}
		}
		return nil
	}
	return refuse(op.SelectionSet)
}

// denial says what somebody may not do, and who may.
func denial(deed string) string {
	switch least, known := access.Needs(deed); {
	case !known:
		return "Nobody may do that."
	case least == access.Admin:
		return "Only admins may do that."
	default:
		return "Viewers may look, not act."
	}
}

// InterceptOperation gives queries and mutations a deadline; subscriptions live on.
func (gate) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx).Operation
	if op.Operation == ast.Subscription {
		return next(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, patience(op))
	answer := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		defer cancel()
		return answer(ctx)
	}
}

// InterceptResponse keeps the list of errors short.
func (gate) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	r := next(ctx)
	if r != nil && len(r.Errors) > mostErrors {
		r.Errors = r.Errors[:mostErrors]
	}
	return r
}

type hangUpKey struct{}

// WithHangUp marks a context as a socket's, and says how to hang up on whoever is at its other
// end: a subscriber that falls behind is not made to believe that there was no news.
func WithHangUp(ctx context.Context, hangUp func(code int, reason string)) context.Context {
	return context.WithValue(ctx, hangUpKey{}, hangUp)
}

func hangUpOf(ctx context.Context) (func(code int, reason string), bool) {
	f, ok := ctx.Value(hangUpKey{}).(func(int, string))
	return f, ok
}

// CloseBehind is the socket's close code for who falls behind.
const CloseBehind = 4408

func behind(ctx context.Context) {
	if hangUp, ok := hangUpOf(ctx); ok && ctx.Err() == nil {
		hangUp(CloseBehind, "behind")
	}
}

// newReference names an entry of the log. It is made by chance, so that it tells nothing.
func newReference() string { return engine.NewReference('E', rand.Text()) }
