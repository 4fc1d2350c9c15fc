package simulator

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type answerAtOnce struct{}

func (answerAtOnce) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func TestPausesTakeAsLongAsThePlanSaysAndThePaceAllows(t *testing.T) {
	s, err := Find("slow-payer")
	if err != nil {
		t.Fatal(err)
	}
	plan := s.Expand(1)
	uncut := s
	uncut.LongestWait = 0
	whole := uncut.Expand(1)
	longest := max(plan.Actors[0].Requests[1].Wait, plan.Actors[1].Requests[1].Wait)
	for _, c := range []struct {
		name string
		plan Plan
		pace float64
		want time.Duration
	}{
		{"cut to the longest wait", plan, 0, 4 * time.Second},
		{"and faster", plan, 8, 500 * time.Millisecond},
		{"in full where the scenario says no longest wait", whole, 1, longest},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				target := &Target{"http://127.0.0.1", &http.Client{Transport: answerAtOnce{}}}
				p, err := Play(t.Context(), target, c.plan, PlayOptions{Pace: c.pace})
				if err != nil || p.Took != c.want {
					t.Errorf("took %s, want %s; %v", p.Took, c.want, err)
				}
			})
		})
	}
}

func TestAPauseEndsWhenThePlayDoes(t *testing.T) {
	s, err := Find("slow-payer")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		target := &Target{"http://127.0.0.1", &http.Client{Transport: answerAtOnce{}}}
		p, err := Play(ctx, target, s.Expand(1), PlayOptions{})
		if p.Took != time.Second || err == nil {
			t.Errorf("took %s, %v", p.Took, err)
		}
	})
}
