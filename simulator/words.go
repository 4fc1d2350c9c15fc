package simulator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed words.json
var wordsFile []byte

// words are the sentences of broken promises. play.ts reads the same file, so that both players
// say the same.
var words = table(wordsFile)

func table(b []byte) map[string]string {
	var t map[string]string
	if err := json.Unmarshal(b, &t); err != nil {
		panic(fmt.Sprintf("a table of texts that the program carries: %v", err))
	}
	return t
}

// fills are what goes into the slots of a sentence.
type fills map[string]any

func (f fills) and(slot string, value any) fills {
	f[slot] = value
	return f
}

// into fills a sentence: numbers with a comma between thousands, lengths of time as seconds, to
// the millisecond below one and to a tenth, rounded half up, above.
func (f fills) into(sentence string) string {
	return slot.ReplaceAllStringFunc(sentence, func(s string) string {
		switch v := f[s[1:len(s)-1]].(type) {
		case string:
			return v
		case int:
			return thousands(v)
		case time.Duration:
			if v < time.Second {
				return fmt.Sprintf("0.%03d", v/time.Millisecond)
			}
			tenths := int(v/time.Millisecond+50) / 100
			return thousands(tenths/10) + "." + strconv.Itoa(tenths%10)
		}
		return s
	})
}

func say(word string, f fills) string { return f.into(words[word]) }

func thousands(n int) string {
	s := strconv.Itoa(n)
	if len(s) <= 3 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}
