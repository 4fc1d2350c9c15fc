package guard

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What the engine counted is kept so often. It is gone on from however old it is: windows move on with
// the time of what they count, and what was learned is worth more than a day.
const countsEvery = 5 * time.Minute

// countAgain goes on from what the last process counted. Where that can't be read counting begins
// anew: nobody is let in or kept out for it.
func (g *Guard) countAgain() {
	g.sweepCounts()
	err := g.readCounts()
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
	default:
		g.log.Warn("counting begins anew", "file", g.counts, "err", err)
	}
}

// sweepCounts removes what a process left that was killed while it wrote. What is younger may be
// another's that still writes.
func (g *Guard) sweepCounts() {
	left, err := filepath.Glob(filepath.Join(filepath.Dir(g.counts), filepath.Base(g.counts)+".*"))
	if err != nil {
		return // the directory is named with what Glob reads otherwise
	}
	for _, name := range left {
		if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() && g.now().Sub(info.ModTime()) > countsEvery {
			_ = os.Remove(name) // or the next start does
		}
	}
}

func (g *Guard) readCounts() error {
	f, err := os.Open(g.counts)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer f.Close()
	return g.engine.Resume(f) //nolint:wrapcheck // it says what to do
}

// keepCounts writes down what is counted, every few minutes, until ctx ends.
func (g *Guard) keepCounts(ctx context.Context) {
	tick := time.NewTicker(countsEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.saveCounts()
		}
	}
}

// saveCounts puts a new file in the place of the old one, or leaves that. No request waits for
// the disk: see engine.Engine.Snapshot.
func (g *Guard) saveCounts() {
	if err := g.writeCounts(); err != nil {
		g.log.Warn("what is counted can't be kept for a restart", "file", g.counts, "err", err)
	}
}

func (g *Guard) writeCounts() error {
	f, err := os.CreateTemp(filepath.Dir(g.counts), filepath.Base(g.counts)+".*")
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer os.Remove(f.Name()) // which is gone when all went well
	err = errors.Join(g.engine.Snapshot(f), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), g.counts)
	}
	return err
}
