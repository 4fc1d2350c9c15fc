package graph

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestOneBacktestRunsForEachAndTwoInAll(t *testing.T) {
	var all trials
	who := func(id string) context.Context { return SignedIn(t.Context(), Operator{ID: id}) }
	begin := func(id string, works bool) func() {
		t.Helper()
		ctx, end, err := all.begin(who(id))
		fault, refused := errors.AsType[Fault](err)
		if (err == nil) != works || !works && (!refused || fault.Code != TooComplex) {
			t.Fatalf("%s: %v", id, err)
		}
		if works {
			if until, ok := ctx.Deadline(); !ok || time.Until(until) > longestTrial {
				t.Error("it has no end")
			}
		}
		return end
	}
	ada := begin("ada", true)
	begin("ada", false)
	bob := begin("bob", true)
	begin("eve", false)
	ada()
	eve := begin("eve", true)
	bob()
	eve()
	begin("ada", true)()
	if _, _, err := all.begin(t.Context()); err == nil {
		t.Error("nobody may try rules")
	}
}

func TestOnlyWhatPlaysTrafficMayTakeLong(t *testing.T) {
	for query, long := range map[string]bool{
		`{stats{from}}`: false,
		`{backtest(rule:{rule:"honeypot"}){rule}}`:                       true,
		`{stats{from} ...a} fragment a on Query{impact(rule:"x"){hit}}`:  true,
		`{...{...a}} fragment a on Query{...b} fragment b on Query{x a}`: false,
	} {
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			t.Fatal(err)
		}
		var link func(ast.SelectionSet)
		link = func(set ast.SelectionSet) {
			for _, s := range set {
				switch x := s.(type) {
				case *ast.FragmentSpread:
					x.Definition = doc.Fragments.ForName(x.Name)
				case *ast.InlineFragment:
					link(x.SelectionSet)
				}
			}
		}
		link(doc.Operations[0].SelectionSet)
		for _, f := range doc.Fragments {
			link(f.SelectionSet)
		}
		if got := patience(doc.Operations[0]) > longestOperation; got != long {
			t.Errorf("%s may take long: %v", query, got)
		}
	}
}
