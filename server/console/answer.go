package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/guard"
)

// mostBody is how much a request may carry.
const mostBody = 64 << 10

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // answers are made of plain values
	}
	b = append(b, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever left needs no answer
}

// refuse says why not.
func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

// methods of one path. What is not among them is 405; HEAD is GET without a body.
type methods map[string]http.HandlerFunc

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do, ok := m[method]
	if !ok {
		var allowed []string
		for name := range m {
			allowed = append(allowed, name)
			if name == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, http.StatusMethodNotAllowed, r.Method+" is not possible here")
		return
	}
	do(w, r)
}

// reply makes a handler of a function that answers with a value or an error.
func (c *Console) reply(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, v)
	}
}

var statuses = map[graph.Code]int{
	graph.Invalid:         http.StatusBadRequest,
	graph.NotFound:        http.StatusNotFound,
	graph.Denied:          http.StatusForbidden,
	graph.Unauthenticated: http.StatusUnauthorized,
	graph.TooComplex:      http.StatusServiceUnavailable,
	graph.Internal:        http.StatusInternalServerError,
}

// A status is an error that is told as it is.
type status struct {
	code int
	why  string
}

func (s status) Error() string { return s.why }

// fail tells an error; our own faults get a reference to the log.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if s, ok := errors.AsType[status](err); ok {
		refuse(w, s.code, s.why)
		return
	}
	fault := graph.Explain(r.Context(), c.log, err)
	code := statuses[fault.Code]
	if errors.Is(err, guard.ErrUnavailable) {
		code = http.StatusServiceUnavailable
	}
	refuse(w, code, fault.Message)
}

// jsonOnly reads a body that is said to be JSON. Nothing else gets in: a page elsewhere can't
// send JSON without asking first.
func jsonOnly(r *http.Request) ([]byte, error) {
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, status{http.StatusUnsupportedMediaType, "the body must be sent as application/json"}
	}
	if len(r.Header.Values("Content-Encoding")) > 0 {
		return nil, status{http.StatusUnsupportedMediaType, "the body must be sent without Content-Encoding"}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
	_ = r.Body.Close() // it has been read, or never will be
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, status{http.StatusRequestTimeout, "the body took too long to arrive"}
	}
	if err != nil {
		return nil, status{http.StatusBadRequest, "the body could not be read"}
	}
	if len(b) > mostBody {
		return nil, status{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body must be at most %d bytes long", mostBody)}
	}
	return b, nil
}

func isJSON(types []string) bool {
	if len(types) != 1 {
		return false
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/json" {
		return false
	}
	delete(params, "charset")
	return len(params) == 0
}

// decode reads an object into what v points to. Fields that nobody knows are passed over, and
// numbers that go into maps stay exact.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err := d.Decode(v)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("more than one value")
	}
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch) && mismatch.Field != "":
		return engine.Invalid{Field: mismatch.Field, Problem: "must not be a JSON " + kind(mismatch.Value)}
	case errors.As(err, &mismatch):
		return status{http.StatusBadRequest, "the body must be a JSON object"}
	case err != nil:
		return status{http.StatusBadRequest, "the body is not JSON"}
	}
	return nil
}

// kind is the first word of how encoding/json calls a value: what follows was written by the sender.
func kind(value string) string {
	word, _, _ := strings.Cut(value, " ")
	return word
}
