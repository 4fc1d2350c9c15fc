package engine

// An expected table is looked into for nearly every answer, by that dimension; by nothing stands for
// the holder, or for what payments are looked up by. Memory is far away, and a look-up waits for it twice
// or more: for the entry, and then for what it leads to. So all expected tables are asked for both before
// the first of them is needed.
type expected struct {
	*table
	by       Dimension
	payments *payments // whose table it is, nil for others
}

// expect the tables of what is asked about every request, or every answer. Where the answer will be looked
// up by client, that is asked for with the request: the API takes its time.
func (g *regime) expect() {
	for _, a := range g.requests.always {
		if t := tableOf(a.counter); a.plain && a.More > 0 && t != nil {
			g.clients = append(g.clients, t)
		}
	}
	add := func(m memory, by Dimension) {
		t := tableOf(m)
		if t == nil {
			return
		}
		e := expected{table: t, by: by}
		g.expected = append(g.expected, e)
		if by == OfClient {
			g.clients = append(g.clients, t)
		} else {
			g.unforeseen = append(g.unforeseen, e)
		}
	}
	for _, l := range g.learners {
		switch l := l.(type) {
		case *visitors:
			add(l, OfClient)
		case *prints, *steps:
			add(l, ByNothing)
		}
	}
	for _, a := range g.answers.always {
		switch {
		case a.counter != nil && a.levels.n == 1:
			add(a.counter, a.levels.of[0])
		case g.oddities != nil && a.watch == g.oddities:
			add(a.watch, OfClient)
		}
	}
	if a := g.armed(paymentWithoutBalance.ID); a != nil {
		w := a.watch.(*payments) //nolint:errcheck,forcetypeassert // it is of no other kind
		e := expected{table: w.table, payments: w}
		g.expected, g.unforeseen = append(g.expected, e), append(g.unforeseen, e)
	}
}

// tableOf a memory that is one, nil for others.
func tableOf(m memory) *table {
	if t, ok := m.(interface{ itself() *table }); ok {
		return t.itself()
	}
	return nil
}

// place of an exchange in an expected table; false where it has none.
func (t *expected) place(v *view, k keyed) (hash uint64, ok bool) {
	if t.payments != nil {
		return t.payments.place(v)
	}
	if t.by == ByNothing {
		_, hash = v.holderAt(k)
		return hash, true
	}
	word, ok := t.by.value(v, k)
	if !ok {
		return 0, false
	}
	return v.places.place(t.by, word, k), true
}

// foresee asks for the entries that an answer leads to.
func foresee(tables []expected, v *view, k keyed) {
	for i := range tables {
		if hash, ok := tables[i].place(v, k); ok {
			tables[i].foresee(hash)
		}
	}
}

// fetch asks for what they lead to.
func fetch(tables []expected, v *view, k keyed) {
	for i := range tables {
		if hash, ok := tables[i].place(v, k); ok {
			tables[i].fetch(hash)
		}
	}
}
