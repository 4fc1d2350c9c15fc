package console

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/store"
)

// How an export is sent.
const (
	exportChunk = 32 << 10
	slowest     = 30 * time.Second // for a chunk to be taken
)

// A column of an export: its name, and what stands in it.
type column[T any] struct {
	name string
	of   func(T) any // a string, a number, a bool, or nil for nothing
}

// export streams what a page shows, with the page's filter as query. Nothing is held open
// meanwhile: whoever reads slowly, or leaves, slows nobody.
func (c *Console) export(w http.ResponseWriter, r *http.Request) {
	kind, format, _ := strings.Cut(r.PathValue("file"), ".")
	if format != "csv" && format != "json" {
		refuse(w, http.StatusNotFound, "there is no such export")
		return
	}
	q := params{values: r.URL.Query()}
	var run func(sink) error
	switch ctx := r.Context(); kind {
	case "exchanges":
		ask, err := q.exchanges().Ask()
		run = exporting(ctx, exchangeColumns, ask, c.store.EachExchange)
		q.fail(err)
	case "alerts":
		ask, err := q.alerts().Ask()
		run = exporting(ctx, alertColumns, ask, c.store.EachAlert)
		q.fail(err)
	case "decisions":
		ask, err := q.decisions().Ask()
		run = exporting(ctx, decisionColumns(c.now()), ask, c.store.EachDecision)
		q.fail(err)
	default:
		refuse(w, http.StatusNotFound, "there is no such export")
		return
	}
	q.strange()
	if err := q.err; err != nil {
		if invalid, ok := errors.AsType[engine.Invalid](err); ok {
			invalid.Field = strings.TrimPrefix(invalid.Field, "filter.") // here the names stand alone
			err = invalid
		}
		c.fail(w, r, err)
		return
	}
	select {
	case c.exports <- struct{}{}:
		defer func() { <-c.exports }()
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusTooManyRequests, "other exports are running")
		return
	}
	if r.Method == http.MethodHead {
		head(w, kind, format, c.now())
		return
	}
	c.settle(r.Context())
	if err := c.auditExport(r, kind+"."+format); err != nil {
		c.fail(w, r, err)
		return
	}
	c.stream(w, r, kind, format, run)
}

// auditExport leaves a trace of who took data away, and with which filter.
func (c *Console) auditExport(r *http.Request, what string) error {
	o, ok := graph.OperatorOf(r.Context())
	if !ok {
		return graph.Fault{Code: graph.Unauthenticated, Message: "Sign in first."}
	}
	filter := r.URL.RawQuery
	return c.store.Record(r.Context(), store.Batch{Audit: []store.Entry{{
		At: c.now(), Actor: o.Name, Origin: o.Origin, Verb: "export", Object: what, Detail: filter[:min(len(filter), longestFilter)],
	}}})
}

func head(w http.ResponseWriter, kind, format string, now time.Time) {
	w.Header().Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8; header=present", "json": "application/json"}[format])
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="sentinel-%s-%s.%s"`, kind, now.UTC().Format("20060102T150405Z"), format))
}

func (c *Console) stream(w http.ResponseWriter, r *http.Request, kind, format string, run func(sink) error) {
	head(w, kind, format, c.now())
	patient := &patientWriter{w: w, rc: http.NewResponseController(w)}
	out := bufio.NewWriterSize(patient, exportChunk)
	var s sink = &csvSink{out}
	if format == "json" {
		s = &jsonSink{out: out}
	}
	err := run(s)
	if err == nil {
		err = out.Flush()
	}
	switch {
	case err == nil:
	case !patient.began && r.Context().Err() == nil:
		w.Header().Del("Content-Disposition")
		c.fail(w, r, err)
	default:
		if !errors.Is(err, errGone) && r.Context().Err() == nil {
			c.log.Error("export", "what", kind, "err", err)
		}
		panic(http.ErrAbortHandler) // half an export must not look like a whole one
	}
}

// exporting writes every row to a sink, its header first.
func exporting[T, F any](ctx context.Context, columns []column[T], f F, each func(context.Context, F, func(T) error) error) func(sink) error {
	return func(s sink) error {
		names, row := make([]string, len(columns)), make([]any, len(columns))
		for i, c := range columns {
			names[i] = c.name
		}
		if err := s.begin(names); err != nil {
			return err
		}
		err := each(ctx, f, func(v T) error {
			for i, c := range columns {
				row[i] = c.of(v)
			}
			return s.row(names, row)
		})
		if err != nil {
			return err
		}
		return s.end()
	}
}

var errGone = errors.New("the reader is gone")

// A patientWriter gives the reader a while for each chunk, however long the whole may take.
type patientWriter struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	began bool
}

func (p *patientWriter) Write(b []byte) (int, error) {
	p.began = true
	_ = p.rc.SetWriteDeadline(time.Now().Add(slowest)) // where it can't be set there is none to prolong
	n, err := p.w.Write(b)
	if err != nil {
		err = errGone
	}
	return n, err
}

// A sink takes rows in a format.
type sink interface {
	begin(names []string) error
	row(names []string, values []any) error
	end() error
}

// csvSink writes RFC 4180 with every cell quoted, and none that a spreadsheet would run.
type csvSink struct{ out *bufio.Writer }

func (s *csvSink) begin(names []string) error {
	cells := make([]any, len(names))
	for i, n := range names {
		cells[i] = n
	}
	return s.row(nil, cells)
}

func (s *csvSink) row(_ []string, values []any) error {
	for i, v := range values {
		if i > 0 {
			_ = s.out.WriteByte(',') // bufio keeps the first error for the last call
		}
		_ = s.out.WriteByte('"')
		if text, ok := v.(string); ok {
			_, _ = s.out.WriteString(cell(text))
		} else if v != nil {
			_, _ = fmt.Fprint(s.out, v)
		}
		_ = s.out.WriteByte('"')
	}
	_, err := s.out.WriteString("\r\n")
	return err
}

func (s *csvSink) end() error { return nil }

// cell is text as it may stand between quotes: what a spreadsheet would take for a formula gets
// an apostrophe before it.
func cell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n\x00", s[0]) >= 0 {
		s = "'" + s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\x00", "\uFFFD"), `"`, `""`)
}

// jsonSink writes an array with an object for each row.
type jsonSink struct {
	out   *bufio.Writer
	began bool
}

func (s *jsonSink) begin([]string) error { return s.out.WriteByte('[') }

func (s *jsonSink) row(names []string, values []any) error {
	if s.began {
		_ = s.out.WriteByte(',') // bufio keeps the first error for the last call
	}
	s.began = true
	_, _ = s.out.WriteString("\n{")
	for i, name := range names {
		b, err := json.Marshal(values[i])
		if err != nil {
			return err
		}
		if i > 0 {
			_ = s.out.WriteByte(',')
		}
		_, _ = fmt.Fprintf(s.out, "%q:%s", name, b)
	}
	return s.out.WriteByte('}')
}

func (s *jsonSink) end() error {
	_, err := s.out.WriteString("\n]\n")
	return err
}
