package route

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

func learned(l *Learner, paths ...string) *Learner {
	for _, p := range paths {
		l.Answered("GET", p, 200)
	}
	return l
}

func templateOf(l *Learner, path string) string {
	t, _ := l.Route("GET", path)
	return t
}

func TestSegmentsThatLookLikeIDsAreTold(t *testing.T) {
	for _, is := range []string{
		"17", "2025-11-22", "1.2.3", "550e8400-e29b-41d4-a716-446655440000", "deadbe3f1", "9f86d081884c7d65",
		"acc_10293", "ord-2025-1", "user10293", "de89370400440532013000", "alice@example.com", "+491234567",
		"dgvzda0xmjm0nty3odkw", "bmftzq==", "abcdefabcdefabcd", strings.Repeat("a", 65), "a1b2c3d4", "report-2025-11.pdf", "a:b",
	} {
		if !looksLikeID(is) {
			t.Errorf("%q is taken for a word", is)
		}
	}
	for _, word := range []string{
		"accounts", "v1", "v2.1", "oauth2", "base64", "mt103", "psd2", "sha256", "2fa", "well-known", "decade", "facade",
		"transfer_funds", ".well-known", "balance", "me", "a", "créer", "server-side-rendering-of-pages", "-", "mp3",
	} {
		if looksLikeID(word) {
			t.Errorf("%q is taken for an ID", word)
		}
	}
}

func TestGoodAnswersTeachTemplates(t *testing.T) {
	l := learned(Learn(Limits{}), "/api/accounts/10293", "/api/accounts/77", "/api/accounts/10293/cards/9f86d081884c7d65", "/", "/api/login/")
	want := []string{"/", "/api/accounts/{id}", "/api/accounts/{id}/cards/{id}", "/api/login"}
	if got := l.Templates(); !slices.Equal(got, want) {
		t.Errorf("learned %q, want %q", got, want)
	}
	for path, want := range map[string]string{
		"/api/accounts/4":         "/api/accounts/{id}",
		"/api/accounts/4/":        "/api/accounts/{id}",
		"/api//accounts/4":        "/api/accounts/{id}",
		"/api/accounts/4/cards/7": "/api/accounts/{id}/cards/{id}",
		"/api/login":              "/api/login",
		"/api/never/4/seen":       "/api/never/{id}/seen",
		"/":                       "/",
		"":                        Other,
		"*":                       Other,
	} {
		if got := templateOf(l, path); got != want {
			t.Errorf("%s has the template %s, want %s", path, got, want)
		}
	}
}

func TestBadAnswersTeachNothing(t *testing.T) {
	l := Learn(Limits{})
	for _, status := range []int{0, 100, 301, 400, 401, 403, 404, 429, 500, 503} {
		l.Answered("GET", fmt.Sprintf("/scan/%d/wp-login", status), status)
	}
	l.Answered("OPTIONS", "/cors", 204)
	l.Answered("TRACE", "/trace", 200)
	l.Answered("OPTIONS", "*", 200)
	if got := l.Templates(); len(got) != 0 {
		t.Errorf("learned %q from answers that say nothing", got)
	}
	l.Answered("GET", "/cached", 304)
	l.Answered("GET", "/socket", 101)
	if got := l.Templates(); len(got) != 2 {
		t.Errorf("learned %q, want /cached and /socket", got)
	}
}

func TestAPlaceWithManyDifferentSegmentsIsAnID(t *testing.T) {
	l := Learn(Limits{Distinct: 20})
	l.Answered("GET", "/users", 200)
	name := func(i int) string { return "user-" + strings.Repeat(string(rune('a'+i%26)), 1+i/26) }
	for i := range 20 {
		learned(l, "/users/"+name(i), "/users/"+name(i)+"/cards", "/users/"+name(i)+"/cards/77")
	}
	if got := templateOf(l, "/users/"+name(3)+"/cards"); got != "/users/"+name(3)+"/cards" {
		t.Errorf("twenty names are %s, want them told apart", got)
	}
	learned(l, "/users/"+name(20)+"/settings")
	want := []string{"/users", "/users/{id}", "/users/{id}/cards", "/users/{id}/cards/{id}", "/users/{id}/settings"}
	if got := l.Templates(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := templateOf(l, "/users/never-seen-before/cards/5"); got != "/users/{id}/cards/{id}" {
		t.Errorf("a new name has the template %s", got)
	}
}

func TestTemplatesAreBounded(t *testing.T) {
	l := Learn(Limits{Templates: 50, Distinct: 1000})
	for i := range 500 {
		learned(l, "/"+strings.Repeat("x", 1+i%60)+string(rune('a'+i%26)))
	}
	if n := len(l.Templates()); n != 50 {
		t.Errorf("%d templates, want 50", n)
	}
	if got := templateOf(l, "/one/more"); got != Other {
		t.Errorf("one more is %s, want %s", got, Other)
	}
	if got := templateOf(l, l.Templates()[0]); got != l.Templates()[0] {
		t.Errorf("a known one is %s now", got)
	}
	deep := strings.Repeat("/a", 17)
	if got := templateOf(learned(Learn(Limits{}), deep), deep); got != Other {
		t.Errorf("17 segments have the template %s", got)
	}
}

func TestMergingMakesRoomAgain(t *testing.T) {
	l := Learn(Limits{Templates: 12, Distinct: 10})
	for i := range 11 {
		learned(l, "/u/"+strings.Repeat("z", i+1))
	}
	if got := l.Templates(); !slices.Equal(got, []string{"/u/{id}"}) {
		t.Fatalf("got %q", got)
	}
	if got := templateOf(learned(l, "/more"), "/more"); got != "/more" {
		t.Errorf("there is no room: %s", got)
	}
}

func TestSensitiveRoutesAreKnownByWhatTheyBeginWith(t *testing.T) {
	l := Learn(Limits{Sensitive: []string{"/Login", "/accounts/{id}/transfer/"}})
	for path, want := range map[string]engine.Class{
		"/login": engine.Sensitive, "/login/": engine.Sensitive, "/login/otp": engine.Sensitive, "/loginx": engine.Normal,
		"/accounts/7/transfer": engine.Sensitive, "/accounts/x/transfer/9": engine.Sensitive, "/accounts/7": engine.Normal,
		"/accounts/7/transfers": engine.Normal, "/": engine.Normal, "": engine.Normal,
	} {
		if _, got := l.Route("POST", path); got != want {
			t.Errorf("%s is of class %d, want %d", path, got, want)
		}
	}
	if _, got := Learn(Limits{Sensitive: []string{"/"}}).Route("GET", "/anything"); got != engine.Sensitive {
		t.Error("/ does not cover everything")
	}
}

func TestWhatIsLearnedIsFoundAgainWhateverItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Learn(Limits{Templates: rapid.IntRange(1, 30).Draw(t, "templates"), Distinct: rapid.IntRange(1, 5).Draw(t, "distinct")})
		segment := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "7", "8812", "{id}", "", "acc_999", "\x00", "é"})
		for range rapid.IntRange(1, 80).Draw(t, "paths") {
			path := "/" + strings.Join(rapid.SliceOfN(segment, 0, 5).Draw(t, "path"), "/")
			l.Answered("GET", path, 200)
			all := l.Templates()
			if len(all) > l.limits.Templates+1 || len(slices.Compact(slices.Clone(all))) != len(all) {
				t.Fatalf("templates %q", all)
			}
			if got := templateOf(l, path); got != Other && !slices.Contains(all, got) && !l.full.Load() {
				t.Fatalf("%q has the template %q, which is none of %q", path, got, all)
			}
		}
	})
}

func TestLearningAndAskingGoTogether(t *testing.T) {
	l := Learn(Limits{Distinct: 8})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				path := fmt.Sprintf("/%c/%c/%d", 'a'+i%12, 'a'+(i/12+g)%20, i)
				l.Answered("GET", path, 200)
				if got := templateOf(l, path); !strings.HasSuffix(got, "/{id}") {
					t.Errorf("%s has the template %s", path, got)
				}
			}
		})
	}
	wg.Wait()
	if got := l.Templates(); !slices.Equal(got, []string{"/{id}/{id}/{id}"}) {
		t.Errorf("learned %q", got)
	}
}

// Who asks alone is told what others are told, whatever he asked before, and learns the same.
func TestAloneNothingIsSaidOrLearnedOtherwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Templates: rapid.IntRange(1, 30).Draw(t, "templates"), Distinct: rapid.IntRange(1, 5).Draw(t, "distinct"),
			Sensitive: []string{"/a", "/b/{id}"},
		}
		alone, learner := LearnAlone(limits), Learn(limits)
		segment := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "7", "8812", "{id}", "", "é", strings.Repeat("long", 80)})
		paths := []string{"", "*", "/"}
		for range rapid.IntRange(1, 20).Draw(t, "paths") {
			paths = append(paths, "/"+strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "path"), "/"))
		}
		for range rapid.IntRange(1, 200).Draw(t, "exchanges") {
			path := rapid.SampledFrom(paths).Draw(t, "asked for")
			got, class := alone.Route("GET", path)
			if want, as := learner.Route("GET", path); got != want || class != as {
				t.Fatalf("%q is %q of class %d, want %q of %d", path, got, class, want, as)
			}
			if rapid.IntRange(0, 4).Draw(t, "refused") == 0 {
				continue // it is never answered
			}
			method, status := rapid.SampledFrom([]string{"GET", "GET", "OPTIONS"}).Draw(t, "method"), rapid.SampledFrom([]int{200, 200, 404}).Draw(t, "status")
			alone.Answered(method, path, status)
			learner.Answered(method, path, status)
		}
		if got, want := alone.Templates(), learner.Templates(); !slices.Equal(got, want) {
			t.Fatalf("learned %q, want %q", got, want)
		}
	})
}

func TestAloneAFloodOfPathsIsNotKept(t *testing.T) {
	a := LearnAlone(Limits{Templates: 10})
	for i := range 20 {
		path := fmt.Sprintf("/%c", 'a'+i)
		a.Route("GET", path)
		a.Answered("GET", path, 200)
	}
	paths := make([]string, 100_000)
	for i := range paths {
		paths[i] = fmt.Sprintf("/flood/%c%c/x", 'a'+i%26, 'a'+i/26)
	}
	at := 0
	if n := testing.AllocsPerRun(len(paths)-2, func() {
		a.Route("GET", paths[at])
		a.Answered("GET", paths[at], 404)
		at++
	}); n != 0 {
		t.Errorf("%v allocations for a path that comes once", n)
	}
}

func TestAKnownRouteCostsNoAllocation(t *testing.T) {
	l := learned(Learn(Limits{Sensitive: []string{"/login", "/transfer"}}), "/api/v1/accounts/17/cards/9")
	if n := testing.AllocsPerRun(100, func() {
		l.Route("GET", "/api/v1/accounts/10293/cards/77")
		l.Answered("GET", "/api/v1/accounts/10293/cards/77", 200)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRoute(b *testing.B) {
	l := Learn(Limits{Sensitive: []string{"/login", "/transfer"}})
	for i := range 90 {
		learned(l, fmt.Sprintf("/api/v1/things%c%c", 'a'+i/26, 'a'+i%26))
	}
	learned(l, "/api/v1/accounts/17/cards/9")
	b.ReportAllocs()
	for b.Loop() {
		l.Route("GET", "/api/v1/accounts/10293/cards/77")
	}
}
