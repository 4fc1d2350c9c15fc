package cluster

import (
	"errors"
	"testing"
)

func TestAnAnswerThatClaimsTooMuchIsNotRead(t *testing.T) {
	for _, c := range []struct {
		about, answer string
		refused       bool
	}{
		{"a line", "+OK\r\n", false},
		{"a number", ":12345678901234567\r\n", false},
		{"an array", "*2\r\n$4\r\nself\r\n:101\r\n", false},
		{"nothing", "$-1\r\n*-1\r\n", false},
		{"content that looks like a claim", "$17\r\n\r\n*1000000000\r\nx\r\n+OK\r\n", false},
		{"a map", "%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", false},
		{"a large array", "*1000000000\r\n", true},
		{"a large map", "%5000\r\n", true},
		{"a large push", ">5000\r\n", true},
		{"large content", "$536870912\r\n", true},
		{"a large array within", "*1\r\n*1000000000\r\n", true},
		{"a large array after content", "$3\r\nabc\r\n*1000000000\r\n", true},
		{"an endless line", "+" + string(make([]byte, longestLine+1)), true},
		{"a length that is none", "*x\r\n", true},
		{"a length beyond numbers", "*99999999999999999999\r\n", true},
	} {
		for _, chunk := range []int{1, 3, len(c.answer)} { // however it comes in
			var s scanner
			var err error
			for rest := c.answer; rest != "" && err == nil; {
				n := min(chunk, len(rest))
				err = s.take([]byte(rest[:n]))
				rest = rest[n:]
			}
			if errors.Is(err, errTooLarge) != c.refused {
				t.Errorf("%s, %d bytes at a time: %v", c.about, chunk, err)
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{"*2\r\n$4\r\nself\r\n:101\r\n", "$-1\r\n", ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\n{}\r\n"} {
		f.Add([]byte(seed), 3)
	}
	f.Fuzz(func(t *testing.T, answer []byte, chunk int) {
		var whole, parts scanner
		want := whole.take(answer)
		var got error
		for rest := answer; len(rest) > 0 && got == nil; {
			n := min(max(chunk, 1), len(rest))
			got = parts.take(rest[:n])
			rest = rest[n:]
		}
		if (want == nil) != (got == nil) {
			t.Fatalf("in one piece %v, in parts %v", want, got)
		}
		if len(parts.line) > longestLine+1 {
			t.Fatalf("%d bytes are kept", len(parts.line))
		}
	})
}
