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

// about are the rules that a folded path may concern.
func (k *asked) about(path string) (t turn) {
	t.lists[0] = k.always
	if len(k.paths) > 0 {
		t.lists[1] = k.paths[trimSlash(path)]
	}
	if len(k.first) > 0 {
		t.lists[2] = k.first[firstSegment(path)]
	}
	return t
}

// A turn goes through several lists of rules as if they were one, in the order of judgement.
type turn struct{ lists [6][]*armed }

func (t *turn) empty() bool {
	return len(t.lists[0])+len(t.lists[1])+len(t.lists[2])+len(t.lists[3])+len(t.lists[4])+len(t.lists[5]) == 0
}

// next rule, nil when all had their turn.
func (t *turn) next() (a *armed) {
	for i := range t.lists {
		if l := t.lists[i]; len(l) > 0 && (a == nil || l[0].order < a.order) {
			a = l[0]
		}
	}
	for i := range t.lists {
		if l := t.lists[i]; len(l) > 0 && l[0] == a {
			t.lists[i] = l[1:]
		}
	}
	return a
}
