// Package route names the template of a path, as /accounts/{id}: learned from good answers, or
// read from an OpenAPI file. It is pure: no clock, no goroutine, and what strangers ask for can't
// make it grow.
package route

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Other stands for all paths that have no template of their own.
const Other = "(other)"

// id is what a template says where paths differ.
const id = "{id}"

const (
	deepest = 16 // segments of a path that has a template
	longest = 64 // bytes of a segment that is told from others
)

// Limits of a Learner. A zero field means its default.
type Limits struct {
	Templates int      // 2,000 at most; what comes later is Other
	Distinct  int      // 100 different segments in one place; with more the place is {id}
	Sensitive []string // paths and all below them that are engine.Sensitive; a segment in braces stands for any
}

// A Learner finds templates in the paths that the API answers well. It is safe for concurrent use;
// a known path costs no allocation and no lock.
type Learner struct {
	limits    Limits
	sensitive patterns
	root      node
	full      atomic.Bool

	mu    sync.Mutex // held while learning
	count int        // of templates
}

// A node is one place in the paths, after the segments that lead to it.
type node struct{ at atomic.Pointer[place] }

// A place does not change once it can be read.
type place struct {
	template string           // of the paths that end here; empty when none does
	words    map[string]*node // by the segment that follows
	any      *node            // after {id}
	wide     bool             // every segment that follows is an {id}
}

var nowhere place

func (n *node) place() *place {
	if p := n.at.Load(); p != nil {
		return p
	}
	return &nowhere
}

// Learn makes a Learner that knows nothing yet.
func Learn(l Limits) *Learner {
	if l.Templates <= 0 {
		l.Templates = 2000
	}
	if l.Distinct <= 0 {
		l.Distinct = 100
	}
	return &Learner{limits: l, sensitive: parse(l.Sensitive)}
}

// Route names the template of a folded path and the class of its route. A path that is not known
// is named by the shape of its segments as long as there is room for more templates, then Other.
func (l *Learner) Route(_, folded string) (template string, class engine.Class) {
	template, class, _ = l.find(folded)
	return template, class
}

// find also tells whether the template is one that was learned.
func (l *Learner) find(folded string) (template string, class engine.Class, known bool) {
	class = l.sensitive.class(folded)
	if folded == "" || folded[0] != '/' {
		return Other, class, false
	}
	if t := l.known(folded); t != "" {
		return t, class, true
	}
	if l.full.Load() {
		return Other, class, false
	}
	return shaped(folded), class, false
}

// known is the template of a path, empty when it has none yet.
func (l *Learner) known(folded string) string {
	p, rest := l.root.place(), folded
	for {
		var segment string
		if segment, rest = next(rest); segment == "" {
			return p.template
		}
		if n, ok := p.words[segment]; ok && !p.wide {
			p = n.place()
			continue
		}
		if p.any == nil || !p.wide && !looksLikeID(segment) {
			return ""
		}
		p = p.any.place()
	}
}

// next cuts the first segment off a path; it is empty at the end, also of one that ends with a slash.
func next(path string) (segment, rest string) {
	for path != "" && path[0] == '/' {
		path = path[1:]
	}
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

// Answered learns from an answer. Only good ones teach, so that nobody fills the memory with paths
// that do not exist.
func (l *Learner) Answered(method, folded string, status int) { l.answered(method, folded, status) }

// answered also tells whether there was anything to learn.
func (l *Learner) answered(method, folded string, status int) bool {
	if good := status >= 200 && status < 300 || status == http.StatusNotModified || status == http.StatusSwitchingProtocols; !good {
		return false
	}
	if method == http.MethodOptions || method == http.MethodTrace || folded == "" || folded[0] != '/' {
		return false
	}
	if l.full.Load() || l.known(folded) != "" {
		return false
	}
	segments := slices.Collect(segmentsOf(folded))
	if len(segments) > deepest {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.learn(segments)
	return true
}

func segmentsOf(path string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for {
			var s string
			if s, path = next(path); s == "" || !yield(s) {
				return
			}
		}
	}
}

func (l *Learner) learn(segments []string) {
	if l.count >= l.limits.Templates {
		l.full.Store(true)
		return
	}
	n, path := &l.root, ""
	for _, s := range segments {
		p := *n.place()
		switch {
		case p.wide || looksLikeID(s):
			if p.any == nil {
				p.any = &node{}
				n.at.Store(&p)
			}
			n, path = p.any, path+"/"+id
		case p.words[s] != nil:
			n, path = p.words[s], path+"/"+s
		default:
			word := strings.Clone(s)
			words := make(map[string]*node, len(p.words)+1)
			maps.Copy(words, p.words)
			words[word] = &node{}
			p.words = words
			if len(words) > l.limits.Distinct {
				p.any, p.words, p.wide = l.merge(path+"/"+id, append(nodes(words), p.any)), nil, true
				n.at.Store(&p)
				n, path = p.any, path+"/"+id
				continue
			}
			n.at.Store(&p)
			n, path = words[word], path+"/"+word
		}
	}
	if p := *n.place(); p.template == "" {
		if path == "" {
			path = "/"
		}
		p.template = path
		n.at.Store(&p)
	}
	l.count = count(&l.root)
	l.full.Store(l.count >= l.limits.Templates)
}

func nodes(words map[string]*node) []*node {
	all := make([]*node, 0, len(words)+1)
	for _, n := range words {
		all = append(all, n)
	}
	return all
}

// merge makes one place of many that turn out to differ in an ID only.
func (l *Learner) merge(path string, many []*node) *node {
	var p place
	words := map[string][]*node{}
	var after []*node
	for _, n := range many {
		if n == nil {
			continue
		}
		q := n.place()
		if q.template != "" {
			p.template = path
		}
		for w, m := range q.words {
			words[w] = append(words[w], m)
		}
		if q.any != nil {
			after = append(after, q.any)
		}
		p.wide = p.wide || q.wide
	}
	if len(words) > l.limits.Distinct {
		p.wide = true
	}
	if p.wide {
		for _, same := range words {
			after = append(after, same...)
		}
		words = nil
	}
	if len(after) > 0 {
		p.any = l.merge(path+"/"+id, after)
	}
	if len(words) > 0 {
		p.words = make(map[string]*node, len(words))
		for w, same := range words {
			p.words[w] = l.merge(path+"/"+w, same)
		}
	}
	n := &node{}
	n.at.Store(&p)
	return n
}

func count(n *node) (sum int) {
	p := n.place()
	if p.template != "" {
		sum++
	}
	for _, m := range p.words {
		sum += count(m)
	}
	if p.any != nil {
		sum += count(p.any)
	}
	return sum
}

// Templates that are known so far, sorted.
func (l *Learner) Templates() []string {
	var all []string
	var add func(*node)
	add = func(n *node) {
		p := n.place()
		if p.template != "" {
			all = append(all, p.template)
		}
		for _, m := range p.words {
			add(m)
		}
		if p.any != nil {
			add(p.any)
		}
	}
	add(&l.root)
	slices.Sort(all)
	return all
}
