package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func written(change ...func(*http.Request)) uint64 {
	r := httptest.NewRequest(http.MethodGet, "/api/balance", http.NoBody)
	r.Header.Set("User-Agent", "PayApp/4.1")
	r.Header.Set("Accept-Encoding", "gzip, br")
	r.Header.Set("Accept-Language", "de-DE")
	for _, f := range change {
		f(r)
	}
	return Fingerprint(r)
}

func has(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestOneProgramHasOneFingerprint(t *testing.T) {
	same := written()
	for _, change := range []func(*http.Request){
		func(r *http.Request) { r.Method = http.MethodPost },
		has("Content-Type", "application/json"), has("Cookie", "a=b"), has("Referer", "https://example.com/"),
		has("X-Forwarded-For", "203.0.113.9"), has("User-Agent", "PayApp/4.2"), has("Authorization", "Bearer x"), has("Accept", "image/png"),
	} {
		if written(change) != same {
			t.Error("it changes with what is asked, or what a proxy adds")
		}
	}
	if same == 0 {
		t.Error("it is zero")
	}
}

func TestOtherProgramsHaveOthers(t *testing.T) {
	seen := map[uint64]int{written(): -1}
	for i, change := range []func(*http.Request){
		has("Accept-Encoding", "gzip"), has("Accept-Language", "en-US"), has("Sec-Ch-Ua", `"Chrome";v="156"`),
		func(r *http.Request) { r.Header.Del("Accept-Language") },
		func(r *http.Request) { r.Proto = "HTTP/2.0" },
	} {
		f := written(change)
		if as, twice := seen[f]; twice {
			t.Errorf("%d is the same as %d", i, as)
		}
		seen[f] = i
	}
}

func BenchmarkFingerprint(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/api/balance", http.NoBody)
	for _, name := range []string{"User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Referer", "Sec-Ch-Ua", "Sec-Fetch-Mode", "X-Api-Key"} {
		r.Header.Set(name, "something")
	}
	b.ReportAllocs()
	for b.Loop() {
		Fingerprint(r)
	}
}
