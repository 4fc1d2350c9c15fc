package engine

import (
	"bytes"
	"strings"
)

// ReadSigns says what the text of a request shows that is not kept: its path as received, its
// query and its referer, none of them decoded. What a referer says is the page's that it names, and
// accuses nobody; one that names no page, no browser has sent. What honest programs write, however odd, shows
// nothing: an address to go back to, a name with an apostrophe, a search for "union select
// committee" or "{{id}}" from a page that was not filled in. It allocates nothing.
func ReadSigns(path, query, referer string) (s Signs) {
	s = ReadReferer(path, referer)
	if machine(path) {
		s |= Injection
	}
	if absoluteForm(path) {
		s |= Relayed
	}
	if odd(path) {
		s |= readText(path, true)
	}
	if odd(query) {
		s |= readText(query, false)
	}
	return s
}

// ReadReferer says what a referer alone shows, as ReadSigns does.
func ReadReferer(path, referer string) Signs {
	if referer == "" || referer == "-" {
		return 0
	}
	scheme, rest, page := cutScheme(referer)
	switch {
	case (!page || !pageAddress(scheme, rest)) && odd(referer):
		return readText(referer, false) & Injection
	case !page:
		return 0
	case ownReferer(path, rest):
		return Returned
	}
	return Referred
}

// cutScheme is strings.Cut at "://".
func cutScheme(s string) (scheme, rest string, found bool) {
	for i := strings.IndexByte(s, ':'); i >= 0 && i+2 < len(s); {
		if s[i+1] == '/' && s[i+2] == '/' {
			return s[:i], s[i+3:], true
		}
		next := strings.IndexByte(s[i+1:], ':')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return s, "", false
}

// pageAddress reports a referer that begins as the address of a page does: a scheme and a host.
func pageAddress(scheme, rest string) bool {
	return len(scheme) <= 16 && !odd(scheme) && (rest == "" || !odd(rest[:1]) || rest[0] == '[')
}

// ReadAgent says what a user agent shows that is code, as who looks for programs writes it that take
// their logs for orders. No browser lets a page say what it is called. It allocates nothing.
func ReadAgent(agent string) Signs {
	for i := range len(agent) {
		if codeBytes[agent[i]] {
			return readText(agent, false) & Injection
		}
	}
	return 0
}

var codeBytes = [256]bool{'$': true, '{': true, '<': true, '\'': true, '`': true, '|': true}

// machine reports a path that holds what a processor would run, as overflows of old servers do: runs
// of bytes that no text has. Whoever writes a letter of his own language escapes it, or sends none of
// the control characters. The first bytes of other protocols are no path.
func machine(path string) bool {
	controls, others := 0, 0
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range min(len(path), mostRead) {
		switch c := path[i]; {
		case c < 0x20 || c == 0x7f:
			controls++
		case c >= 0x80:
			others++
		}
	}
	return controls >= 4 && controls+others >= 16 || others >= 16 && strings.Contains(path, sled)
}

// sled is a run of the instruction that does nothing.
const sled = "\x90\x90\x90\x90\x90\x90\x90\x90"

func readText(text string, path bool) Signs {
	var room [mostRead]byte
	t := decodeText(room[:0], text)
	s := judgeText(t)
	if path {
		s |= climbs(t)
		if bytes.Contains(t, padding) {
			s |= Padded
		}
	}
	return s
}

// padding is what programs that fill in forms put between a page's address and what they have to say.
var padding = []byte("          ")

// mostRead is how much of a text is looked at, decoded.
const mostRead = 2048

// ownReferer reports that a referer, of which this is the rest after its scheme, names the very page that
// is asked for, as scanners write it who don't know better. A page links to itself, but nobody comes to a page from itself who was
// not there.
func ownReferer(path, rest string) bool {
	i := strings.IndexByte(rest, '/')
	if i < 0 || len(rest) == i+1 { // the front page
		return false
	}
	rest = rest[i:]
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimRight(rest, "/") == strings.TrimRight(path, "/")
}

// absoluteForm reports a target as it is sent to a proxy: with a scheme, or a host and a port.
func absoluteForm(path string) bool {
	if path == "" || path[0] == '/' || path[0] == '*' {
		return false
	}
	if scheme, _, ok := strings.Cut(path, "://"); ok && len(scheme) <= 8 {
		return true
	}
	host, port, ok := strings.Cut(path, ":")
	return ok && len(port) <= 5 && allDigits(port) && host != ""
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// odd reports whether a text has anything in it that what we look for can't do without.
func odd(s string) bool {
	for i := range len(s) {
		if oddBytes[s[i]] || i > 0 && s[i] == s[i-1] && (s[i] == '.' || s[i] == '/') {
			return true
		}
	}
	return false
}

var oddBytes = func() (t [256]bool) {
	for c := range t {
		t[c] = strings.IndexByte("%+'\"<>;|\\`$(){}[]*", byte(c)) >= 0
	}
	return t
}()

// A byte that stands between the fields of a query, where none that was escaped does.
const fieldEnd = 1

// decodeText appends a text with its escapes decoded up to twice, plus signs as spaces, comments
// as one space, in lower case.
func decodeText(b []byte, s string) []byte {
	s = s[:min(len(s), cap(b))]
	twice := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '&':
			c = fieldEnd
		case c == '+':
			c = ' '
		case c == '%' && i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0:
			c = byte(nibble(s[i+1])<<4 | nibble(s[i+2]))
			i += 2
			twice = twice || c == '%'
		}
		b = append(b, lowered(c))
	}
	if twice {
		b = decodeAgain(b)
	}
	return uncomment(b)
}

func lowered(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func decodeAgain(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) && nibble(b[i+1]) >= 0 && nibble(b[i+2]) >= 0 {
			c = byte(nibble(b[i+1])<<4 | nibble(b[i+2]))
			i += 2
		}
		out = append(out, lowered(c))
	}
	return out
}

// uncomment writes /**/ as a space, as SQL reads it, and /*!50000union*/ as what is in it.
func uncomment(b []byte) []byte {
	if !bytes.Contains(b, []byte("/*")) {
		return b
	}
	out := b[:0]
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '/' && i+1 < len(b) && b[i+1] == '*':
			i++
			if i+1 < len(b) && b[i+1] == '!' {
				for i++; i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9'; i++ {
				}
			} else if end := bytes.Index(b[i+1:], []byte("*/")); end >= 0 {
				i += end + 2
			}
			out = append(out, ' ')
		case b[i] == '*' && i+1 < len(b) && b[i+1] == '/':
			i++
			out = append(out, ' ')
		default:
			out = append(out, b[i])
		}
	}
	return out
}

func judgeText(t []byte) (s Signs) {
	if sql(t) || holds(t, codeWords) || templated(t) || shell(t) {
		s |= Injection
	}
	if holds(t, systemFiles) || bytes.Contains(t, []byte("../../")) || bytes.Contains(t, []byte(`..\..\`)) || holds(t, overlong) {
		s |= Traversal
	}
	if script(t) {
		s |= Scripted
	}
	if holds(t, foreignWords) || included(t) {
		s |= Foreign
	}
	return s
}

// climbs reports a path that leads above its own root: browsers and libraries never send one.
func climbs(t []byte) Signs {
	depth, from := 0, 0
	for i := 0; i <= len(t); i++ {
		if i < len(t) && t[i] != '/' && t[i] != '\\' {
			continue
		}
		switch segment := t[from:i]; {
		case string(segment) == "..":
			if depth--; depth < 0 {
				return Traversal
			}
		case len(segment) > 0 && string(segment) != ".":
			depth++
		}
		from = i + 1
	}
	return 0
}

func texts(words ...string) [][]byte {
	all := make([][]byte, len(words))
	for i, w := range words {
		all[i] = []byte(w)
	}
	return all
}

func holds(t []byte, words [][]byte) bool {
	for _, w := range words {
		if bytes.Contains(t, w) {
			return true
		}
	}
	return false
}

// Pieces of programs that no field of an honest request holds.
var codeWords = texts(
	"information_schema", "xp_cmdshell", "waitfor delay", "into outfile", "into dumpfile", "load_file(", "extractvalue(", "updatexml(",
	"pg_sleep(", "benchmark(", "dbms_pipe", "utl_http", "concat(0x", "@@version", "group_concat(", "unhex(", "procedure analyse",
	"${jndi:", "${ifs}", "${env:", "${lower:", "${::-", "java.lang.", "getruntime(", "processbuilder", "@ognl", "#_memberaccess", "class.module.", "classloader",
	"<?php", "<?=", "eval($", "assert($", "base64_decode(", "call_user_func", "invokefunction", "file_put_contents", "allow_url_include", "auto_prepend_file",
	"phpinfo(", "shell_exec(", "passthru(", "system($", `\think`, "_method=__construct", "globals[", "_request[", "_post[", "_server[", "_files[", "_session[",
	"() { :", "__import__(", "os.system(", "subprocess.", "child_process", "process.mainmodule", "<!entity", "<!doctype", "@print(", "md5(1", "die(@",
)

var systemFiles = texts("/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/group", "/proc/self", "/proc/version", "win.ini", "boot.ini", "/windows/system32", "web-inf/")

// overlong are dots and a slash or backslash in more bytes than UTF-8 has for them, as only who wants to get
// past a check writes it.
var overlong = texts("..\xc0\xaf", "..\xc0\x2f", "..\xc1\x9c", "..\xc1\x1c", "..\xc1\xaf", "..\xc0\x5c", "..\xe0\x80\xaf", "..\xf0\x80\x80\xaf", "\xc0\xae\xc0\xae")

var foreignWords = texts("169.254.169.254", "metadata.google.internal", "100.100.100.200", "file:///", "gopher://", "dict://", "php://", "expect://", "phar://", "data://text", "=ftp://")

// sql reports a piece of SQL that breaks out of a value.
func sql(t []byte) bool {
	if _, rest, ok := bytes.Cut(t, []byte("union")); ok && selects(rest) {
		return true
	}
	if _, rest, ok := bytes.Cut(t, []byte("(select")); ok && after(rest, " (*'\"@0") {
		return true
	}
	for i, c := range t {
		switch c {
		case '\'', '"':
			if breaksOut(t[i+1:]) {
				return true
			}
		case '=':
			if tautology(t, i) {
				return true
			}
		}
	}
	return false
}

// selects reports what follows "union" to be a select with something of SQL behind it: "union
// select committee" is a search.
func selects(t []byte) bool {
	t = bytes.TrimLeft(t, " \t\r\n(")
	t = bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimPrefix(t, []byte("all")), []byte("distinct")), " \t\r\n(")
	t, ok := bytes.CutPrefix(t, []byte("select"))
	if !ok {
		return false
	}
	t = bytes.TrimLeft(t, " \t\r\n(")
	return after(t, "0123456789*@'\"") || hasPrefix(t, "null") || hasPrefix(t, "char(") || hasPrefix(t, "concat") ||
		bytes.Contains(clip(t, 200), []byte(" from "))
}

func after(t []byte, any string) bool { return len(t) > 0 && strings.IndexByte(any, t[0]) >= 0 }

func hasPrefix(t []byte, s string) bool { return len(t) >= len(s) && string(t[:len(s)]) == s }

func clip(t []byte, most int) []byte { return t[:min(len(t), most)] }

// breaksOut reports what follows a quote to go on as SQL: ' or 1=1, ' and '1'='1, '; drop table.
func breaksOut(t []byte) bool {
	t = bytes.TrimLeft(t, " )\t")
	switch {
	case hasPrefix(t, ";"):
		t = bytes.TrimLeft(t[1:], " ")
		return hasPrefix(t, "drop ") || hasPrefix(t, "select ") || hasPrefix(t, "insert ") || hasPrefix(t, "update ") || hasPrefix(t, "exec ") || hasPrefix(t, "--")
	case hasPrefix(t, "or ") || hasPrefix(t, "or'") || hasPrefix(t, "or("):
		t = t[2:]
	case hasPrefix(t, "and ") || hasPrefix(t, "and'") || hasPrefix(t, "and("):
		t = t[3:]
	case hasPrefix(t, "||") || hasPrefix(t, "&&"):
		t = t[2:]
	default:
		return false
	}
	t = clip(t, 32)
	if end := bytes.IndexByte(t, fieldEnd); end >= 0 {
		t = t[:end]
	}
	return bytes.IndexByte(t, '=') >= 0 || bytes.Contains(t, []byte(" like ")) || bytes.Contains(t, []byte("sleep(")) || bytes.Contains(t, []byte("exists("))
}

// tautology reports "and 1=1", "or 2=3" around an equals sign.
func tautology(t []byte, i int) bool {
	before, behind := bytes.TrimRight(t[:i], " "), bytes.TrimLeft(t[i+1:], " ")
	n := len(before)
	for n > 0 && before[n-1] >= '0' && before[n-1] <= '9' {
		n--
	}
	if n == len(before) || len(behind) == 0 || behind[0] < '0' || behind[0] > '9' {
		return false
	}
	before = before[:n]
	return bytes.HasSuffix(before, []byte(" and ")) || bytes.HasSuffix(before, []byte(" or "))
}

// templated reports an expression that a template engine would work out, and not a placeholder
// that nobody filled in.
func templated(t []byte) bool {
	for _, open := range [...]string{"{{", "${", "#{", "<%", "%{"} {
		i := bytes.Index(t, []byte(open))
		if i < 0 {
			continue
		}
		in := clip(t[i+len(open):], 64)
		if star := bytes.IndexByte(in, '*'); star > 0 && star+1 < len(in) && digitAt(in, star-1) && digitAt(in, star+1) {
			return true
		}
		if bytes.Contains(in, []byte("__class__")) || bytes.Contains(in, []byte("constructor")) || bytes.Contains(in, []byte("t(java")) || hasPrefix(in, "(#") ||
			bytes.Contains(in, []byte("runtime")) || bytes.Contains(in, []byte("request.application")) {
			return true
		}
	}
	return false
}

func digitAt(t []byte, i int) bool { return t[i] >= '0' && t[i] <= '9' }

// commands begin what a shell would run behind a separator.
var commands = texts("cat /", "cat${ifs}", "wget ", "wget${ifs}", "curl http", "curl -", "/bin/", "whoami", "uname -", "nc -", "chmod ", "rm -", "ping -", "ping ;", "powershell", "busybox", "nslookup ", "cd /tmp", "bash -", "sh -c", "tftp ", "killall ", "echo ;")

func shell(t []byte) bool {
	for i, c := range t {
		switch {
		case c == ';' || c == '|' || c == '`' || c == '\n', c == '(' && i > 0 && t[i-1] == '$', c == '&' && i > 0 && t[i-1] == '&':
			rest := bytes.TrimLeft(t[i+1:], " |&\t")
			for _, w := range commands {
				if bytes.HasPrefix(rest, w) {
					return true
				}
			}
		}
	}
	return false
}

// script reports what a browser would run.
func script(t []byte) bool {
	if bytes.Contains(t, []byte("<script")) || bytes.Contains(t, []byte("document.cookie")) {
		return true
	}
	if i := bytes.Index(t, []byte("javascript:")); i >= 0 && (i == 0 || strings.IndexByte("=\"'( <>\x01", t[i-1]) >= 0) && bytes.IndexByte(t[i:], '(') > 0 {
		return true
	}
	i := bytes.IndexByte(t, '<')
	if i < 0 {
		return false
	}
	t = t[i:]
	for _, on := range [...]string{"onerror=", "onload=", "onmouseover=", "onclick=", "onfocus=", "ontoggle=", "alert(", "prompt(", "confirm("} {
		if bytes.Contains(t, []byte(on)) {
			return true
		}
	}
	return bytes.Contains(t, []byte("<iframe"))
}

// included reports a program of another host as the value of a field, as who wants to have it run
// writes it: http://host/x.txt? with nothing behind the question mark.
func included(t []byte) bool {
	i := bytes.Index(t, []byte("=http"))
	if i < 0 {
		return false
	}
	t = t[i+1:]
	if end := bytes.IndexByte(t, fieldEnd); end >= 0 {
		t = t[:end]
	}
	target := bytes.TrimRight(t, "\x00?")
	if len(target) == len(t) {
		return false
	}
	return bytes.HasSuffix(target, []byte(".txt")) || bytes.HasSuffix(target, []byte(".php")) || bytes.HasSuffix(target, []byte(".gif")) || bytes.HasSuffix(target, []byte(".jpg"))
}
