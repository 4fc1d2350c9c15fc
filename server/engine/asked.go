package engine

// asked are rules by what they are asked about, each list in the order of judgement.
type asked struct {
	always []*armed
	paths  map[string][]*armed // by the only folded path that concerns them
	first  map[string][]*armed // by the first segment of all paths that do
}

func newAsked() asked { return asked{paths: map[string][]*armed{}, first: map[string][]*armed{}} }

// add a rule after those that are there.
func (k *asked) add(a *armed, p Policy) {
	var paths, first []string
	if a.Paths != nil {
		paths = a.Paths(p)
	}
	for i := range a.routes {
		switch path, exact := a.routes[i].literal(); {
		case exact:
			paths = append(paths, path)
		case path != "":
			first = append(first, path)
		default:
			k.always = append(k.always, a)
			return
		}
	}
	if a.Paths == nil && a.routes == nil {
		k.always = append(k.always, a)
		return
	}
	enter := func(lists map[string][]*armed, names []string) {
		for _, name := range names {
			if l := lists[name]; len(l) == 0 || l[len(l)-1] != a {
				lists[name] = append(l, a)
			}
		}
	}
	enter(k.paths, paths)
	enter(k.first, first)
}

// about are the rules that a folded path may concern, and what always is besides.
func (k *asked) about(path string, always []*armed) (t turn) {
	t.add(always)
	if len(k.paths) > 0 {
		t.add(k.paths[trimSlash(path)])
	}
	if len(k.first) > 0 {
		t.add(k.first[firstSegment(path)])
	}
	return t
}

// A turn goes through several lists of rules as if they were one, in the order of judgement.
type turn struct {
	lists [5][]*armed
	n     int // of them, those that are not empty
}

// add a list that may hold rules of the others, too.
func (t *turn) add(l []*armed) {
	if len(l) > 0 {
		t.lists[t.n] = l
		t.n++
	}
}

// next rule, nil when all had their turn.
func (t *turn) next() (a *armed) {
	if t.n == 1 { // as nearly always
		a = t.lists[0][0]
		t.drop(0)
		return a
	}
	for i := range t.n {
		if first := t.lists[i][0]; a == nil || first.order < a.order {
			a = first
		}
	}
	for i := t.n - 1; i >= 0; i-- {
		if t.lists[i][0] == a {
			t.drop(i)
		}
	}
	return a
}

// drop the first rule of a list.
func (t *turn) drop(i int) {
	if t.lists[i] = t.lists[i][1:]; len(t.lists[i]) == 0 {
		t.n--
		t.lists[i] = t.lists[t.n]
	}
}

// merged are two lists in the order of judgement, as one.
func merged(a, b []*armed) (all []*armed) {
	t := turn{}
	t.add(a)
	t.add(b)
	for r := t.next(); r != nil; r = t.next() {
		all = append(all, r)
	}
	return all
}
