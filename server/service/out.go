package service

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// patience is how long a bouncer may take to read a part of an answer.
const patience = 30 * time.Second

// An out writes a long answer, packed when the asker can unpack it.
type out struct {
	*bufio.Writer
	packer *gzip.Writer
	text   []byte // of one decision; used again
	now    time.Time
	n      int // decisions written
}

func newOut(w http.ResponseWriter, r *http.Request, kind string, now time.Time) *out {
	w.Header().Set("Content-Type", kind)
	w.Header().Add("Vary", "Accept-Encoding")
	o := &out{now: now}
	var to io.Writer = &patient{w, http.NewResponseController(w)}
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		o.packer, _ = gzip.NewWriterLevel(to, gzip.BestSpeed) // the level is one that there is
		to = o.packer
	}
	o.Writer = bufio.NewWriterSize(to, 32<<10)
	return o
}

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if coding == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// A patient writer gives each part its time.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(patience)) // where there is none the listener's holds
	return p.ResponseWriter.Write(b)
}

// end sends what is left, and says whether all of it was taken.
func (o *out) end() error {
	if err := o.Flush(); err != nil {
		return err
	}
	if o.packer != nil {
		return o.packer.Close()
	}
	return nil
}

// decision writes one, false when nobody reads any more.
func (o *out) decision(d *engine.Decision, t engine.Target, ended bool) bool {
	b := o.text[:0]
	if o.n > 0 {
		b = append(b, ',')
	}
	o.n++
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, number(d.ID, t), 10)
	b = append(b, `,"uuid":`...)
	b = appendText(b, d.ID)
	b = append(b, `,"origin":`...)
	b = appendText(b, strings.ToLower(d.Origin.String()))
	b = append(b, `,"type":"`...)
	b = append(b, actionTypes[d.Action]...)
	switch {
	case !t.Network.IsValid():
		b = append(b, `","scope":"key","value":"`...)
		b = append(b, keyValue(t.Key)...)
	case t.Network.IsSingleIP():
		b = append(b, `","scope":"Ip","value":"`...)
		b = t.Network.Addr().AppendTo(b)
	default:
		b = append(b, `","scope":"Range","value":"`...)
		b = t.Network.AppendTo(b)
	}
	b = append(b, `","duration":"`...)
	b = append(b, duration(d, o.now, ended)...)
	b = append(b, `","scenario":`...)
	b = appendText(b, scenario(d))
	b = append(b, `,"simulated":false}`...)
	o.text = b
	_, err := o.Write(b)
	return err == nil
}

// keyValue names a key as the protocol wants it: by its keyed hash, since many have the prefix that
// may be shown.
func keyValue(k engine.Key) string { return hex.EncodeToString(k.Hash[:]) }

// untilLifted is what stands for a decision that has no end: ten years, since the protocol has no
// word for it.
const untilLifted = 10 * 365 * 24 * time.Hour

// duration is how long a decision still counts, and negative when it has ended.
func duration(d *engine.Decision, now time.Time, ended bool) string {
	switch {
	case ended:
		return "-1s"
	case d.Until.IsZero():
		return untilLifted.String()
	}
	return max(d.Until.Sub(now).Round(time.Second), time.Second).String()
}

// number of what a decision tells about a target: the same whenever and wherever it is told, and
// exact in languages whose numbers are of 53 bits.
func number(id string, t engine.Target) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, id)
	if t.Network.IsValid() {
		b, _ := t.Network.MarshalBinary()
		_, _ = h.Write(b)
	}
	return int64(h.Sum64()>>11) | 1
}

// appendText appends a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a text always can be
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
