package engine

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for path, want := range map[string]string{
		"/":                       "/",
		"":                        "/",
		"/api/balance":            "/api/balance",
		"/api/balance/":           "/api/balance/",
		"/API/Balance":            "/api/balance",
		"/%61dmin":                "/admin",
		"/%2561dmin":              "/%61dmin",
		"/a//b///c":               "/a/b/c",
		"/./admin":                "/admin",
		"/admin/.":                "/admin/",
		"/admin/..":               "/",
		"/x/../admin":             "/admin",
		"/x/%2e%2e/admin":         "/admin",
		"/x/%2E%2e;v=1/admin":     "/admin",
		"/../../etc":              "/etc",
		"/admin;jsessionid=1":     "/admin",
		"/admin%3bjsessionid=1/x": "/admin/x",
		"/;x=1/admin":             "/admin",
		"/admin.":                 "/admin",
		"/admin...;x/users.":      "/admin/users",
		"/admin%20/users%20.%20":  "/admin/users",
		"/a/%20%20/b":             "/a/b",
		"/v1.2/file.txt":          "/v1.2/file.txt",
		"/.well-known/x":          "/.well-known/x",
		"/...":                    "/",
		"/Gr%C3%BC%C3%9Fe/Ä":      "/grüße/ä",
		"/a b":                    "/a b",
		"/a%20b":                  "/a b",
		"/a+b":                    "/a+b",
	} {
		if folded, bad := Fold(path); folded != want || bad != "" {
			t.Errorf("Fold(%q) is %q, %q, want %q", path, folded, bad, want)
		}
	}
}

func TestFoldNamesWhatAnUpstreamCouldReadOtherwise(t *testing.T) {
	for path, want := range map[string][2]string{
		"//admin":             {"/admin", twoSlashes},
		"/public/..%2fadmin":  {"/admin", encodedSlash},
		"/public/..%5Cadmin":  {"/admin", encodedBack},
		`/public\..\admin`:    {"/admin", backslash},
		`\admin`:              {"/admin", noSlash},
		"/admin%2f":           {"/admin/", encodedSlash},
		"/admin%00.json":      {"/admin", encodedNUL},
		"/admin%3fx=1":        {"/admin", encodedQuery},
		"/admin%23x":          {"/admin", encodedHash},
		"/admin?x=1":          {"/admin", bareQuery},
		"/admin#x":            {"/admin", bareHash},
		"/admin%09":           {"/admin\t", control},
		"/a\r\nb":             {"/a\r\nb", control},
		"/a%7f":               {"/a\x7f", control},
		"/a%C2%85":            {"/a\u0085", control},
		"/%":                  {"/%", badEscape},
		"/%u0061dmin":         {"/%u0061dmin", badEscape},
		"/%4":                 {"/%4", badEscape},
		"/%c0%afadmin":        {"/\ufffd\ufffdadmin", notUTF8},
		"/\xff":               {"/\ufffd", notUTF8},
		"/a;%ff":              {"/a", notUTF8},
		"admin":               {"/admin", noSlash},
		"*":                   {"/*", noSlash},
		"http://app.test/api": {"/http:/app.test/api", noSlash},
	} {
		if folded, bad := Fold(path); folded != want[0] || bad != want[1] {
			t.Errorf("Fold(%q) is %q, %q, want %q, %q", path, folded, bad, want[0], want[1])
		}
	}
}

func TestAFoldedPathCostsNoMemory(t *testing.T) {
	for _, path := range []string{"/", "/api/balance", "/api/accounts/12345/payments/", "/v1.2/a b/file.txt", "/grüße"} {
		if n := testing.AllocsPerRun(100, func() {
			if folded, _ := Fold(path); folded != path {
				t.Errorf("%q is not folded", path)
			}
		}); n > 0 {
			t.Errorf("%q costs %v allocations", path, n)
		}
	}
}

func TestALongPathOfDotSegmentsIsFoldedAtOnce(t *testing.T) {
	if folded, bad := Fold("/" + strings.Repeat("a/../", 200_000) + "admin"); folded != "/admin" || bad != "" {
		t.Errorf("folded to %q, %q", folded, bad)
	}
}

// naive folds as the sentences of the design say it, one after the other.
func naive(path string) (folded string, bad bool) {
	decoded := regexp.MustCompile(`(?s)%[0-9a-fA-F]{2}`).ReplaceAllStringFunc(path, func(s string) string {
		s, _ = url.PathUnescape(s)
		return s
	})
	escapes := strings.Count(path, "%") != len(regexp.MustCompile(`%[0-9a-fA-F]{2}`).FindAllString(path, -1))
	bad = escapes || strings.HasPrefix(path, "//") || path != "" && path[0] != '/' ||
		regexp.MustCompile(`(?i)%(2f|5c|00|23|3f)`).MatchString(path) || strings.ContainsAny(path, `\#?`) ||
		!utf8.ValidString(decoded) || strings.ContainsFunc(decoded, unicode.IsControl)

	var segments []string
	all := strings.Split(strings.ReplaceAll(decoded, `\`, "/"), "/")
	for i, segment := range all {
		segment, _, _ = strings.Cut(segment, ";")
		segment, _, _ = strings.Cut(segment, "?")
		segment, _, _ = strings.Cut(segment, "#")
		segment, _, _ = strings.Cut(segment, "\x00")
		last := i == len(all)-1
		switch segment {
		case "..":
			if len(segments) > 0 {
				segments = segments[:len(segments)-1]
			}
		default:
			if segment = strings.TrimRight(segment, ". "); segment != "" {
				segments = append(segments, segment)
				continue
			}
		}
		if last && len(segments) > 0 {
			segments = append(segments, "")
		}
	}
	return strings.ToLower("/" + strings.Join(segments, "/")), bad
}

func FuzzFold(f *testing.F) {
	for _, path := range []string{
		"/api/admin/", "//admin", "/a/../b/./c//d;x/e.", "/%2e%2e%2fadmin", "/%c0%af", `\x\..\y`, "/a%", "/%zz%4", "/É%00/..", "/a?b/../c#d/..", "*", "", "/İK/...",
	} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		folded, bad := Fold(path)
		if want, wantBad := naive(path); folded != want || (bad != "") != wantBad {
			t.Fatalf("Fold(%q) is %q, %q, want %q, %v", path, folded, bad, want, wantBad)
		}
		if folded == "" || folded[0] != '/' || !utf8.ValidString(folded) {
			t.Fatalf("Fold(%q) is %q", path, folded)
		}
		if again, _ := Fold(folded); !strings.Contains(folded, "%") && again != folded {
			t.Fatalf("Fold(%q) is %q, and folded again %q", path, folded, again)
		}
	})
}
