package bank

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Most bytes of a request's body.
const largestBody = 64 << 10

// body reads a JSON object into its fields. What two readers could take differently is
// refused: a field that is given twice, bytes that are not UTF-8, anything after the object.
func body(w http.ResponseWriter, r *http.Request) (map[string]json.RawMessage, *refusal) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, Problem: "The body is not declared as JSON.", Remedy: "Send Content-Type: application/json."}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &refusal{status: http.StatusUnsupportedMediaType, Problem: "The body is compressed.", Remedy: "Send it as it is, without Content-Encoding."}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &refusal{status: http.StatusRequestEntityTooLarge, Problem: "The body is larger than 64 kB.", Remedy: "Send only the fields of the call."}
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, Problem: "The body did not arrive whole.", Remedy: "Send it again."}
	}
	if !utf8.Valid(raw) {
		return nil, malformed("")
	}
	return object(raw)
}

// object takes a JSON object apart, names as written.
func object(raw []byte) (map[string]json.RawMessage, *refusal) {
	in := json.NewDecoder(bytes.NewReader(raw))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil, malformed("")
	}
	fields := make(map[string]json.RawMessage)
	for in.More() {
		t, err := in.Token()
		field, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed("")
		}
		if _, twice := fields[field]; twice {
			return nil, &refusal{status: http.StatusBadRequest, Problem: "A field is given twice.", Field: clip(field, 64), Remedy: "Send every field once."}
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return nil, malformed(clip(field, 64))
		}
		fields[field] = value
	}
	if _, err := in.Token(); err != nil {
		return nil, malformed("")
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return nil, malformed("")
	}
	return fields, nil
}

func malformed(field string) *refusal {
	return &refusal{status: http.StatusBadRequest, Problem: "The body is not a JSON object.", Field: field, Remedy: "Check the body with a JSON parser."}
}

// name reads a field that names an account: 1 to 64 characters that can be seen.
func name(fields map[string]json.RawMessage, field string) (string, *refusal) {
	amiss := func(problem string) (string, *refusal) {
		return "", &refusal{
			status: http.StatusUnprocessableEntity, Problem: "The " + field + " " + problem, Field: field,
			Remedy: "Send a name or an account_id of at most 64 characters.",
		}
	}
	value, no := text(fields, field)
	if no != nil {
		return "", no
	}
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return amiss("is empty.")
	case utf8.RuneCountInString(value) > 64:
		return amiss("is longer than 64 characters.")
	case strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return amiss("has characters that can't be seen.")
	}
	return value, nil
}

// text reads a field that is a string.
func text(fields map[string]json.RawMessage, field string) (string, *refusal) {
	raw, given := fields[field]
	var problem, value string
	switch {
	case !given || string(raw) == "null":
		problem = "is missing."
	case json.Unmarshal(raw, &value) != nil:
		problem = "is not text."
	default:
		return value, nil
	}
	return "", &refusal{status: http.StatusUnprocessableEntity, Problem: "The " + field + " " + problem, Field: field, Remedy: "Send it as text in quotes."}
}
