package console

import (
	"net/http"
	"net/url"
	"strings"
)

// A door knows the names of the console, and the pages that may act through an operator's
// browser: its own.
type door struct {
	hosts   map[string]bool
	origins map[string]bool
	cross   *http.CrossOriginProtection
}

func newDoor(hosts, origins []string, tls bool) door {
	d := door{map[string]bool{}, map[string]bool{}, http.NewCrossOriginProtection()}
	scheme, usual := "http://", ":80"
	if tls {
		scheme, usual = "https://", ":443"
	}
	for _, h := range hosts {
		h = strings.ToLower(h)
		names := []string{h}
		if name, is := strings.CutSuffix(h, usual); is { // browsers leave it out
			names = append(names, name)
		}
		for _, n := range names {
			d.hosts[n] = true
			if origins == nil {
				d.origins[scheme+n] = true
			}
		}
	}
	for _, o := range origins {
		d.origins[strings.ToLower(o)] = true
	}
	for o := range d.origins {
		_ = d.cross.AddTrustedOrigin(o) // one that is not an origin matches none
	}
	return d
}

// knows reports whether the request names the console as it is called. Any other name may be
// one that a web page had pointed at this machine.
func (d door) knows(r *http.Request) bool { return d.hosts[strings.ToLower(r.Host)] }

// site is how the browser that sent a request, if any, calls the console: scheme and host.
func (d door) site(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if r.TLS != nil || d.origins["https://"+host] && !d.origins["http://"+host] { // a proxy before us may speak TLS
		return "https://" + host
	}
	return "http://" + host
}

// stranger says why a request comes from another page than the console's, empty when it does
// not. Programs that are no browser send neither Origin nor Sec-Fetch-Site.
func (d door) stranger(r *http.Request) string {
	origin, site := r.Header.Values("Origin"), r.Header.Get("Sec-Fetch-Site")
	own := len(origin) == 1 && d.origins[strings.ToLower(origin[0])]
	switch {
	case len(origin) > 0 && !own:
		return "requests from other origins are refused"
	case !own && site != "" && site != "same-origin" && site != "none":
		return "requests from other sites are refused"
	case r.Header.Get("Upgrade") != "" && len(origin) == 0 && site != "":
		return "a browser's socket needs an Origin"
	case d.cross.Check(r) != nil:
		return "requests from other origins are refused"
	}
	return ""
}

// policy of what the app's pages may load: nothing from elsewhere. Styles are inline because
// the component kit and the playground's editor write style elements.
const policy = "default-src 'self'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"font-src 'self' data:; connect-src 'self'; img-src 'self' data:; object-src 'none'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// strict is for how long a browser asks over TLS only.
const strict = "max-age=31536000"

func harden(h http.Header, tls bool) {
	if tls {
		h.Set("Strict-Transport-Security", strict)
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
}

// plainPath reports whether a path can be read in one way only.
func plainPath(u *url.URL) bool {
	raw := strings.ToLower(u.EscapedPath())
	for _, odd := range [...]string{"//", `\`, "%2f", "%5c", "%00"} {
		if strings.Contains(raw, odd) {
			return false
		}
	}
	for _, c := range []byte(u.Path) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return strings.HasPrefix(u.Path, "/")
}
