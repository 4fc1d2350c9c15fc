package config

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML is what a file holds, and the line that each key of it stands in.
func readYAML(path string) (map[string]any, map[string]int, error) {
	f, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w: name another with --config", err)
	}
	if f.Size() > mostOfFile {
		return nil, nil, fmt.Errorf("%s has %d bytes: that is no configuration", path, f.Size())
	}
	b, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	if line := NoUTF8(b); line > 0 {
		return nil, nil, fmt.Errorf("%s:%d: there are bytes that are not UTF-8: save the file in UTF-8", path, line)
	}
	tree := map[string]any{}
	body, err := parse(string(b))
	if err == nil && body != nil {
		err = yaml.NodeToValue(body, &tree)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not YAML that can be read:\n%s", path, yaml.FormatError(err, false, true))
	}
	if len(tree) == 0 { // as an editor or a full disk leaves it: it would switch everything off
		return nil, nil, fmt.Errorf("%s holds no setting: write one, or name no file", path)
	}
	lines := map[string]int{}
	number("", body, lines)
	return tree, lines, nil
}

// NoUTF8 is the first line of a text that holds other bytes, as older editors write them; 0 for none.
// The parser would put a sign for what can't be read in their place.
func NoUTF8(text []byte) int {
	line := 0
	for part := range bytes.Lines(text) {
		line++
		if !utf8.Valid(part) {
			return line
		}
	}
	return 0
}

// parse the one document of a text; nil when it is empty.
func parse(text string) (ast.Node, error) {
	file, err := parser.Parse(wholeScalars(lexer.Tokenize(text)), 0)
	if err != nil {
		return nil, err
	}
	var body ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if body != nil {
			return nil, fmt.Errorf("there is a second document, at line %d: put both into one", d.Body.GetToken().Position.Line)
		}
		body = d.Body
	}
	return body, nil
}

// wholeScalars puts together what the lexer takes apart in a list within { }: there it ends a text at
// every colon, so that [http://10.0.0.5:9000] were a key and its value. In YAML 1.2 (7.3.3) a colon
// belongs to the text when something follows it at once.
func wholeScalars(tokens token.Tokens) token.Tokens {
	var out token.Tokens
	var within []token.Type
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			within = append(within, t.Type)
		case token.SequenceEndType, token.MappingEndType:
			within = within[:max(0, len(within)-1)]
		default:
		}
		if len(within) > 0 && within[len(within)-1] == token.SequenceStartType && (plainText(t) || t.Type == token.MappingValueType) {
			for i+1 < len(tokens) && joins(t, tokens[i], tokens[i+1], tokens[min(i+2, len(tokens)-1)]) {
				i++
				t.Type, t.Value, t.Origin = token.StringType, t.Value+tokens[i].Value, t.Origin+tokens[i].Origin
				t.CharacterType, t.Indicator = token.CharacterTypeMiscellaneous, token.NotIndicator
			}
		}
		out.Add(t)
	}
	return out
}

// joins reports whether the next token goes on with the text that the first one began and the last
// one ended: a colon that something follows at once, or what follows such a colon at once.
func joins(first, last, next, after *token.Token) bool {
	if !touches(first, next) {
		return false
	}
	if next.Type == token.MappingValueType {
		return after != next && after.Position.Line == next.Position.Line && after.Position.Column == next.Position.Column+1 &&
			(plainText(after) || after.Type == token.MappingValueType)
	}
	return last.Type == token.MappingValueType && plainText(next)
}

func touches(a, b *token.Token) bool {
	return a.Position.Line == b.Position.Line && a.Position.Column+utf8.RuneCountInString(a.Value) == b.Position.Column
}

// plainText reports whether a token is a text without quotes, whatever it is read as.
func plainText(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.FloatType, token.BoolType, token.NullType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.InfinityType, token.NanType:
		return true
	default:
		return false
	}
}

// number notes the line of everything below a node, by its key.
func number(at string, n ast.Node, lines map[string]int) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			number(at, v, lines)
		}
	case *ast.MappingValueNode:
		key := strings.Trim(n.Key.GetToken().Value, `"'`)
		if at != "" {
			key = at + "." + key
		}
		lines[key] = n.Key.GetToken().Position.Line
		number(key, n.Value, lines)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			item := at + "[" + strconv.Itoa(i) + "]"
			if line := v.GetToken().Position.Line; line > 0 {
				lines[item] = line
			}
			if m, ok := v.(*ast.MappingNode); ok && len(m.Values) > 0 {
				lines[item] = m.Values[0].Key.GetToken().Position.Line
			}
			number(item, v, lines)
		}
	case *ast.AnchorNode:
		number(at, n.Value, lines)
	}
}
