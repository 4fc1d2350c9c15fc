package gateway

import "net/http"

// Fingerprint is how a client writes its requests, apart from who it says to be: which headers it
// sends, what it accepts, which version of HTTP it speaks. Two programs seldom agree in all of it, and
// one program hardly changes it from request to request. The order and case of header names are not
// known behind net/http. Headers that carry what differs from request to request, or that proxies
// add, do not count. It is never zero.
func Fingerprint(r *http.Request) uint64 {
	all := fnv(fnvBasis, r.Proto)
	for name, values := range r.Header {
		if passing(name) {
			continue
		}
		h := fnv(fnvBasis, name)
		switch name {
		case "Accept-Encoding", "Accept-Language": // the program's own, whatever is asked
			h = fnv(h, values[0])
		}
		all += (h ^ h>>32) * 0x9e3779b97f4a7c15 // in any order
	}
	return max(all, 1)
}

// passing headers come and go with what is asked, or are added on the way.
func passing(name string) bool {
	switch name {
	case "Accept", "Authorization", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Cookie", "Expect", "Host",
		"Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive",
		"Origin", "Pragma", "Priority", "Range", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
		"Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions", "Sec-Websocket-Protocol",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Upgrade-Insecure-Requests",
		"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Real-Ip", "X-Request-Id",
		"Traceparent", "Tracestate", "X-Api-Key", "X-Simulated-Ip", "X-Csrf-Token":
		return true
	}
	return false
}

const fnvBasis = 14695981039346656037

// fnv goes on with a hash (FNV-1a) over a text and its end.
func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return (h ^ 0xff) * 1099511628211
}
