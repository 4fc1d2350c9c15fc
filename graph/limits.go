package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// What one operation may ask. The figures hold what the app asks several times over, and keep
// the worst document within a few milliseconds of work before it is refused.
const (
	mostTokens     = 1500
	mostFragments  = 20
	mostOperations = 10
	mostVariables  = 50
	mostDirectives = 30
	mostAliases    = 30
	mostRoots      = 20
	deepest        = 12
	deepestSchema  = 20    // below __schema and __type, where a type is eleven levels of ofType
	widest         = 100   // selections on one level, fragments written out
	mostSelections = 2000  // in all, fragments written out
	mostCost       = 50000 // see coster
	mostErrors     = 10
	mostListed     = 500 // first

	longestMessage   = 300
	longestOperation = 5 * time.Second // of queries and mutations
)

// A shape is what a selection set comes to with its fragments written out.
type shape struct {
	selections, top, width, depth, schemaDepth, aliases, directives int // top: on its own level; width: on any
}

// measurer finds shapes. It looks into each fragment once, whatever the document: walkers that
// follow every spread, as gqlgen's complexity and gqlparser's rule on introspection do, take
// seconds for a kilobyte of fragments that spread each other twice.
type measurer struct {
	doc   *ast.QueryDocument
	known map[string]shape
	open  map[string]bool // fragments that we are inside of
	cycle string
}

// checkShape refuses documents that are too much to validate, before they are validated.
func checkShape(doc *ast.QueryDocument) *gqlerror.Error {
	if len(doc.Fragments) > mostFragments {
		return tooComplex("has %d fragments, at most %d are allowed", len(doc.Fragments), mostFragments)
	}
	if len(doc.Operations) > mostOperations {
		return tooComplex("has %d operations, at most %d are allowed", len(doc.Operations), mostOperations)
	}
	m := measurer{doc: doc, known: map[string]shape{}, open: map[string]bool{}}
	for _, f := range doc.Fragments { // also those that nothing spreads: validation looks at them
		s := m.fragment(f.Name)
		if strings.HasPrefix(f.TypeCondition, "__") { // it can only stand below __schema or __type
			s.schemaDepth, s.depth = max(s.depth, s.schemaDepth), 0
		}
		if e := m.check(s, len(f.Directives)); e != nil {
			return e
		}
	}
	for _, op := range doc.Operations {
		if len(op.VariableDefinitions) > mostVariables {
			return tooComplex("has %d variables, at most %d are allowed", len(op.VariableDefinitions), mostVariables)
		}
		all := m.set(op.SelectionSet)
		directives := len(op.Directives)
		for _, v := range op.VariableDefinitions {
			directives += len(v.Directives)
		}
		if all.top > mostRoots {
			return tooComplex("asks for %d fields at its root, at most %d are allowed", all.top, mostRoots)
		}
		if e := m.check(all, directives); e != nil {
			return e
		}
	}
	return nil
}

func (m *measurer) check(s shape, directives int) *gqlerror.Error {
	if m.cycle != "" {
		return invalid("query", "has a fragment that contains itself: "+clip(m.cycle, 50))
	}
	for _, l := range []struct {
		is, most int
		what     string
	}{
		{s.depth, deepest, "levels"},
		{s.schemaDepth, deepestSchema, "levels of introspection"},
		{s.aliases, mostAliases, "aliases"},
		{s.directives + directives, mostDirectives, "directives"},
		{s.width, widest, "selections on one level"},
		{s.selections, mostSelections, "selections"},
	} {
		if l.is > l.most {
			return tooComplex("has %d %s, at most %d are allowed", l.is, l.what, l.most)
		}
	}
	return nil
}

func (m *measurer) fragment(name string) shape {
	if s, ok := m.known[name]; ok {
		return s
	}
	f := m.doc.Fragments.ForName(name)
	if f == nil {
		return shape{} // validation says so
	}
	if m.open[name] {
		m.cycle = name
		return shape{}
	}
	m.open[name] = true
	s := m.set(f.SelectionSet)
	delete(m.open, name)
	m.known[name] = s
	return s
}

func (m *measurer) set(set ast.SelectionSet) shape {
	var all shape
	for _, selection := range set {
		var s shape
		switch x := selection.(type) {
		case *ast.Field:
			s = m.set(x.SelectionSet)
			if x.Name == "__schema" || x.Name == "__type" {
				s.schemaDepth, s.depth = max(s.depth, s.schemaDepth), 0
			}
			s.depth = grow(s.depth, 1)
			if x.Alias != x.Name {
				s.aliases = grow(s.aliases, 1)
			}
			s.directives = grow(s.directives, len(x.Directives))
			s.top = 1
		case *ast.InlineFragment:
			s = m.set(x.SelectionSet)
			s.directives = grow(s.directives, len(x.Directives))
		case *ast.FragmentSpread:
			s = m.fragment(x.Name)
			s.directives = grow(s.directives, len(x.Directives))
		}
		all.selections = grow(all.selections, 1, s.selections)
		all.depth = max(all.depth, s.depth)
		all.schemaDepth = max(all.schemaDepth, s.schemaDepth)
		all.aliases = grow(all.aliases, s.aliases)
		all.directives = grow(all.directives, s.directives)
		all.top = grow(all.top, s.top)
		all.width = max(all.width, s.width)
	}
	all.width = max(all.width, all.top)
	return all
}

// A coster counts what an operation costs at most: one for a field, asked once for every item
// of the lists around it, and more for a field that asks the store. Each fragment is counted
// once for each size of list that it stands in.
type coster struct {
	variables map[string]any
	known     map[place]int
	err       *gqlerror.Error
}

type place struct {
	fragment string
	listed   int
}

// asking is what a field costs beyond 1 because it asks the store for each of its parents, or
// for a whole page of them at once.
var asking = map[string]int{
	"Alert.decision": 5, "Alert.incident": 5, "Decision.alert": 5,
	"Alert.exchanges": 100,
	"Incident.alerts": 100, "Incident.parent": 5, "Receipt.exchanges": 100,
	"Client.alerts": 100, "Client.exchanges": 100,
	"Stats.topEndpoints": 20, "Stats.statusMix": 20,
	"AlertConnection.totalCount": 100, "IncidentConnection.totalCount": 100, "DecisionConnection.totalCount": 100,
	"RuleVersionConnection.totalCount": 100, "Query.checkRule": 1000,
}

// askingRoot is what a root field costs beyond 1.
const askingRoot = 100

// sizes of lists that take no first.
var sizes = map[string]int{
	"Query.timeline": 1500, "Query.search": 20, "Query.rules": 100, "Query.deletedRules": 100,
	"Mutation.resolve": 100, "LiftPayload.lifted": 100,
	"ExchangesSeen.exchanges": 50, "Stats.statusMix": 60,
	"Incident.reasons": 50, "Incident.stages": 6, "Incident.accounts": 16,
	"Backtest.hits": 100, "Backtest.hours": 100, "Backtest.untold": 10, "Impact.newlyHit": 100, "Impact.noLongerHit": 100,
	"RuleCheck.mistakes": 21, "RuleCheck.scenarios": 2,
	"Alert.decisions": 50, "Client.decisions": 50,
	"__Schema.types": 80, "__Type.fields": 5, "__Field.args": 1, "__Type.inputFields": 1, "__Type.enumValues": 2,
	"__Type.interfaces": 1, "__Type.possibleTypes": 1, "__Directive.args": 2,
}

// usualSize of any other list.
const usualSize = 4

// checkCost refuses operations that would cost too much to answer, and lists that are too long.
func checkCost(op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	c := coster{variables: variables, known: map[place]int{}}
	cost := c.set(op.SelectionSet, 1)
	if c.err != nil {
		return c.err
	}
	if cost > mostCost {
		return tooComplex("costs %d, at most %d is allowed: ask for fewer items or fields", cost, mostCost)
	}
	return nil
}

// set counts a selection set; listed is the first of the connection that it belongs to.
func (c *coster) set(set ast.SelectionSet, listed int) int {
	sum := 0
	for _, selection := range set {
		switch x := selection.(type) {
		case *ast.Field:
			sum = grow(sum, c.field(x, listed))
		case *ast.InlineFragment:
			sum = grow(sum, c.set(x.SelectionSet, listed))
		case *ast.FragmentSpread:
			at := place{x.Name, listed}
			cost, ok := c.known[at]
			if !ok && x.Definition != nil {
				cost = c.set(x.Definition.SelectionSet, listed)
				c.known[at] = cost
			}
			sum = grow(sum, cost)
		}
	}
	return sum
}

func (c *coster) field(f *ast.Field, listed int) int {
	if f.Definition == nil || f.ObjectDefinition == nil {
		return 1
	}
	name := f.ObjectDefinition.Name + "." + f.Name
	own := 1 + asking[name]
	switch f.ObjectDefinition.Name {
	case "Query", "Mutation", "Subscription":
		own += askingRoot
	}
	first, has := c.first(f)
	switch {
	case has && f.Definition.Type.Elem == nil: // a connection: its edges are that many
		return grow(own, c.set(f.SelectionSet, first))
	case has:
		return grow(own, times(first, c.set(f.SelectionSet, 1)))
	case f.Name == "edges":
		return grow(own, times(listed, c.set(f.SelectionSet, 1)))
	case f.Definition.Type.Elem != nil:
		size, known := sizes[name]
		if !known {
			size = usualSize
		}
		return grow(own, times(size, c.set(f.SelectionSet, 1)))
	default:
		return grow(own, c.set(f.SelectionSet, 1))
	}
}

// first is how many items a field asks for, when it takes such an argument.
func (c *coster) first(f *ast.Field) (int, bool) {
	d := f.Definition.Arguments.ForName("first")
	if d == nil {
		return 0, false
	}
	v := d.DefaultValue
	if a := f.Arguments.ForName("first"); a != nil {
		v = a.Value
	}
	if v == nil {
		return mostListed, true
	}
	given, err := v.Value(c.variables)
	n, ok := whole(given)
	if given == nil && d.DefaultValue != nil { // a variable without a value
		given, err = d.DefaultValue.Value(nil)
		n, ok = whole(given)
	}
	if err != nil || !ok || n < 1 || n > mostListed {
		c.err = invalid("first", fmt.Sprintf("must be 1 to %d", mostListed))
		return 1, true
	}
	return n, true
}

func whole(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int32:
		return int(n), true
	case int64:
		return int(n), true
	case float64:
		return int(n), n == math.Trunc(n) && math.Abs(n) < 1e9
	case json.Number:
		i, err := strconv.Atoi(n.String())
		return i, err == nil
	}
	return 0, false
}

// limitless is beyond every limit, and far from where addition or multiplication overflows.
const limitless = 1 << 30

func grow(a int, more ...int) int {
	for _, b := range more {
		a = min(limitless, a+b)
	}
	return a
}

func times(n, each int) int {
	if n > 0 && each > limitless/n {
		return limitless
	}
	return n * each
}
