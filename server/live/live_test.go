package live_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/sentinel-protocol/sentinel/server/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEverySubscriberHearsEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var topic live.Topic[int]
		ctx, cancel := context.WithCancel(t.Context())
		var heard [3][]int
		for i := range heard {
			news := topic.Subscribe(ctx)
			go func() {
				for n := range news {
					heard[i] = append(heard[i], n)
				}
			}()
		}
		for n := range 1000 {
			topic.Publish(n)
			synctest.Wait() // everybody has read
		}
		cancel()
		synctest.Wait()
		for i := range heard {
			if len(heard[i]) != 1000 {
				t.Fatalf("subscriber %d heard %d of 1000", i, len(heard[i]))
			}
			for n, got := range heard[i] {
				if got != n {
					t.Fatalf("subscriber %d heard %d at place %d", i, got, n)
				}
			}
		}
		if topic.Watched() {
			t.Error("the topic still counts those who left")
		}
	})
}

func TestSlowReaderIsHungUpOnAndNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var topic live.Topic[int]
		slow := topic.Subscribe(t.Context())
		quick := topic.Subscribe(t.Context())
		heard := 0
		for n := range live.Queue + 10 {
			topic.Publish(n) // a wait would stop the bubble: nobody reads slow
			<-quick
			heard++
		}
		if heard != live.Queue+10 {
			t.Errorf("the quick reader heard %d", heard)
		}
		got := 0
		for n := range slow { // ends because it is closed
			if n != got {
				t.Fatalf("heard %d at place %d: there is a hole before the end", n, got)
			}
			got++
		}
		if got != live.Queue {
			t.Errorf("the slow reader got %d, want the %d that were queued", got, live.Queue)
		}
		topic.Close()
	})
}

func TestChannelIsClosedWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var topic live.Topic[string]
		ctx, cancel := context.WithCancel(t.Context())
		news := topic.Subscribe(ctx)
		topic.Publish("before")
		cancel()
		synctest.Wait()
		topic.Publish("after")
		if got := <-news; got != "before" {
			t.Errorf("heard %q, want what was queued", got)
		}
		if got, open := <-news; open {
			t.Errorf("heard %q after the end", got)
		}
	})
}

func TestSubscribingWithAnEndedContextGivesAClosedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var topic live.Topic[int]
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, open := <-topic.Subscribe(ctx); open {
			t.Error("heard something")
		}
	})
}

func TestCloseHangsUpOnThoseWhoAreThereAndThoseWhoCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var topic live.Topic[int]
		there := topic.Subscribe(t.Context())
		topic.Publish(1)
		topic.Close()
		topic.Publish(2)
		if n, open := <-there; !open || n != 1 {
			t.Errorf("what was queued is lost: %d, %v", n, open)
		}
		if _, open := <-there; open {
			t.Error("still open")
		}
		if _, open := <-topic.Subscribe(t.Context()); open {
			t.Error("a closed topic takes subscribers")
		}
	})
}

// Many publish, come and leave at once; the race detector watches.
func TestComingAndGoingWhileOthersPublish(t *testing.T) {
	var topic live.Topic[int]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for n := range 500 {
				topic.Publish(n)
			}
		})
		all.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(context.Background())
				news := topic.Subscribe(ctx)
				select {
				case <-news:
				default:
				}
				cancel()
				for range news { // until it is closed
				}
			}
		})
	}
	all.Wait()
	if topic.Watched() {
		t.Error("somebody is still counted")
	}
}

func BenchmarkPublishToNobody(b *testing.B) {
	var topic live.Topic[int]
	for b.Loop() {
		topic.Publish(1)
	}
}
