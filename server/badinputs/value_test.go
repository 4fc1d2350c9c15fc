package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
)

func made(t *testing.T, js string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(js), &v); err != nil {
		t.Fatal(err)
	}
	p, err := expand(v, utf8Bytes)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(p.open())
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != p.size {
		t.Errorf("%s says %d bytes and makes %d", js, p.size, len(b))
	}
	return string(b)
}

func TestGeneratorsMakeWhatTheFileDescribes(t *testing.T) {
	for js, want := range map[string]string{
		`"plain"`:                                      "plain",
		`{"$rep": ["ab", 3]}`:                          "ababab",
		`{"$rep": [{"$rep": ["a", 2]}, 2]}`:            "aaaa",
		`{"$cat": ["x", {"$rep": ["-", 2]}]}`:          "x--",
		`{"$seq": {"fmt": "a%d&", "n": 3}}`:            "a0&a1&a2&",
		`{"$seq": {"fmt": "%d ", "n": 2, "start": 7}}`: "7 8 ",
		`{"$seq": {"fmt": "10.%d.%d.%d\n", "n": 2, "start": 255, "mode": "ipv4"}}`: "10.0.0.255\n10.0.1.0\n",
		`{"$seq": {"fmt": "f%d{f%+1d}", "n": 2, "mode": "chain"}}`:                 "f0{f1}f1{f2}",
		`{"$b64": "//4="}`: "\xff\xfe",
		`{"$json": {"password": {"$rep": ["a", 4]}, "n": 1}}`: `{"n":1,"password":"aaaa"}`,
		`{"$stream_zero": 3}`: "\x00\x00\x00",
	} {
		if got := made(t, js); got != want {
			t.Errorf("%s makes %q, not %q", js, got, want)
		}
	}
}

func TestBombsUnpackToTheirSize(t *testing.T) {
	for _, size := range []string{"1", "1048576", "1048577", "5000000"} {
		r, err := gzip.NewReader(strings.NewReader(made(t, `{"$gzip_bomb": {"expanded": `+size+`}}`)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %v", size, err)
		}
		if want, _ := json.Number(size).Int64(); int64(len(b)) != want || len(bytes.Trim(b, "\x00")) != 0 {
			t.Errorf("%s unpacks to %d bytes", size, len(b))
		}
	}
}

func TestUnknownGeneratorIsNotRun(t *testing.T) {
	_, err := expand(tree{"$magic": 1.0}, utf8Bytes)
	if _, ok := errors.AsType[notRun](err); !ok {
		t.Errorf("got %v", err)
	}
}

func TestLatin1IsOneByteForEachCharacter(t *testing.T) {
	if got := latin1("\u000b\u00e9"); !bytes.Equal(got, []byte{0x0b, 0xe9}) {
		t.Errorf("% x", got)
	}
}

func TestAddressesStayWithinTheirPrefixAndDiffer(t *testing.T) {
	for _, text := range []string{"2001:db8:64:1::/64", "198.51.100.0/24", "2001:db8::/32"} {
		p, seen := netip.MustParsePrefix(text), map[netip.Addr]bool{}
		for i := range 200 {
			a := addressIn(p, i)
			if !p.Contains(a) || seen[a] {
				t.Fatalf("%s: %v", p, a)
			}
			seen[a] = true
		}
	}
}

func TestBindingsAreNamesOfTheProductAndNothingElse(t *testing.T) {
	got, err := bind(tree{"path": "{{p.login}}", "ua": "{{7*7}}"}, map[string]string{"p.login": "/session"})
	if err != nil || object(got)["path"] != "/session" || object(got)["ua"] != "{{7*7}}" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := bind([]any{"{{p.nothing}}"}, nil); err == nil {
		t.Error("a name without a binding is passed over")
	}
}
