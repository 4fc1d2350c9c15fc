package rules

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
)

// A Mistake is something wrong in a pack, where it is and what to do about it.
type Mistake = config.Mistake

// a pack is a file of rules.
type pack struct {
	Pack  string       `json:"pack"` // the file's name without its ending, when left out
	Rules []Definition `json:"rules"`
}

// a reader fills a pack from YAML, which JSON is too, and remembers the line of each field.
type reader struct {
	file  string
	lines map[string]int // by field
	wrong []error
}

func (r *reader) say(line int, field, problem string, args ...any) {
	r.wrong = append(r.wrong, Mistake{File: r.file, Line: line, Invalid: engine.Invalid{Field: field, Problem: fmt.Sprintf(problem, args...)}})
}

// read a pack. What can't be read stays out and is in r.wrong.
func (r *reader) read(text []byte) (p pack) {
	file, err := parse(text)
	if err != nil {
		r.say(0, "", "is not YAML that can be read:\n%s\n(Within [ ] and { } a text that holds one of { } [ ] , : must stand between quotes, as in [\"/accounts/{id}\"].)",
			strings.TrimRight(yaml.FormatError(err, false, true), " \n"))
		return pack{}
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.say(1, "", "must hold one document, as in\n  pack: mine\n  rules: [...]")
		return pack{}
	}
	r.take("", file.Docs[0].Body, reflect.ValueOf(&p).Elem())
	return p
}

// parse guards against a parser that gives up on hostile text.
func parse(text []byte) (f *ast.File, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			f, err = nil, fmt.Errorf("%v", problem)
		}
	}()
	if line := config.NoUTF8(text); line > 0 {
		return nil, fmt.Errorf("line %d holds bytes that are not UTF-8: save the file in UTF-8", line)
	}
	if tooDeep(text) {
		return nil, fmt.Errorf("lists and fields lie in each other more than %d deep", deepest)
	}
	return parser.ParseBytes(text, 0)
}

// deepest is how far lists and fields may lie in each other: a rule needs six. The parser takes
// gigabytes for a small file of brackets.
const deepest = 32

// tooDeep reports what is nested further than that within brackets, or by dashes in one line. Who
// indents as far needs a longer file than is read.
func tooDeep(text []byte) bool {
	depth, line, dashes := 0, 0, 0
	for _, t := range lexer.Tokenize(string(text)) {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		default:
		}
		if depth > deepest || dashes > deepest {
			return true
		}
	}
	return false
}

// take what a node says into a value.
func (r *reader) take(field string, n ast.Node, to reflect.Value) {
	line := n.GetToken().Position.Line
	if field != "" && r.lines[field] == 0 {
		r.lines[field] = line
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode, *ast.TagNode:
		r.say(line, field, "uses an anchor, an alias or a tag: write it out")
		return
	case *ast.NullNode:
		r.say(line, field, "is empty: give it a value, or leave it out")
		return
	}
	if t, ok := reflect.TypeAssert[encoding.TextUnmarshaler](to.Addr()); ok {
		text, ok := scalar(n)
		if !ok {
			r.say(line, field, "takes a single value")
		} else if err := t.UnmarshalText([]byte(text)); err != nil {
			r.say(line, field, "can't be read: %v", err)
		}
		return
	}
	switch to.Kind() {
	case reflect.Struct:
		r.takeFields(field, n, to)
	case reflect.Slice:
		r.takeList(field, n, to)
	default:
		r.takeValue(field, n, to)
	}
}

func (r *reader) takeFields(field string, n ast.Node, to reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.say(n.GetToken().Position.Line, field, "must have fields below it: %s", strings.Join(fieldsOf(to.Type()), ", "))
		return
	}
	fields := fieldsOf(to.Type())
	for _, v := range m.Values {
		at := v.Key.GetToken().Position.Line
		key, ok := scalar(v.Key)
		i := slices.Index(fields, key)
		name := key
		if field != "" {
			name = field + "." + key
		}
		if !ok || i < 0 {
			r.say(at, name, "is no field that there is; the nearest is %s", config.Nearest(key, fields))
			continue
		}
		r.lines[name] = at
		r.take(name, v.Value, to.Field(i))
	}
}

func (r *reader) takeList(field string, n ast.Node, to reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		if _, one := scalar(n); !one || to.Type() != reflect.TypeFor[Words]() {
			r.say(n.GetToken().Position.Line, field, "must be a list")
			return
		}
		s = &ast.SequenceNode{Values: []ast.Node{n}}
	}
	out := reflect.MakeSlice(to.Type(), len(s.Values), len(s.Values))
	for i, v := range s.Values {
		r.take(field+"["+strconv.Itoa(i)+"]", v, out.Index(i))
	}
	to.Set(out)
}

func (r *reader) takeValue(field string, n ast.Node, to reflect.Value) {
	line := n.GetToken().Position.Line
	text, ok := scalar(n)
	if !ok {
		r.say(line, field, "takes a single value")
		return
	}
	if to.Kind() == reflect.String {
		to.SetString(text)
		return
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		r.say(line, field, "must be a whole number, not %q", text)
		return
	}
	to.SetInt(int64(number))
}

// scalar is what a node says that is neither a list nor has fields.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// fieldsOf a struct by their names, in order.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// ReadOne reads one rule: a definition by itself, or a pack that holds one, or the one of that ID.
func ReadOne(name string, text []byte, id string) (*Rule, error) {
	return readOne(name, text, id, "trial")
}

// readOne puts a definition that stands by itself into a pack, when it names none.
func readOne(name string, text []byte, id, pack string) (*Rule, error) {
	if len(text) > MostFile {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Problem: fmt.Sprintf("has more than %d bytes: give one rule", MostFile)}}
	}
	file, err := parse(text)
	if err == nil && len(file.Docs) == 1 && !hasField(file.Docs[0].Body, "rules") {
		r := reader{file: name, lines: map[string]int{}}
		return r.one(file.Docs[0].Body, pack)
	}
	set, err := Read(name, text)
	if err != nil {
		return nil, err
	}
	if id == "" && len(set) > 1 {
		return nil, Mistake{File: name, Invalid: engine.Invalid{Field: "rules", Problem: fmt.Sprintf("are %d: say which, by its id", len(set))}}
	}
	for _, r := range set {
		if id == "" || r.ID == id {
			return r, nil
		}
	}
	return nil, Mistake{File: name, Invalid: engine.Invalid{Field: "id", Problem: fmt.Sprintf("is nowhere %q: see what rules the file holds", id)}}
}

// one rule of a definition that stands by itself.
func (r *reader) one(n ast.Node, pack string) (*Rule, error) {
	var d Definition
	if n == nil {
		r.say(1, "", "is empty: write a rule, as in\n  id: mine\n  title: ...")
	} else {
		r.take("", n, reflect.ValueOf(&d).Elem())
	}
	if len(r.wrong) > 0 {
		return nil, r.mistakes()
	}
	if d.Pack == "" {
		d.Pack = pack
	}
	made, wrong := build(d)
	for _, w := range wrong {
		r.say(r.lines[w.Field], w.Field, "%s", w.Problem)
	}
	made.File, made.Line = r.file, 1
	return made, r.mistakes()
}

func hasField(n ast.Node, name string) bool {
	m, ok := n.(*ast.MappingNode)
	return ok && slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool {
		key, ok := scalar(v.Key)
		return ok && key == name
	})
}
