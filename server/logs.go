package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/sentinel-protocol/sentinel/graph"
	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
	"github.com/sentinel-protocol/sentinel/server/ingest"
)

// logs are the access logs that are followed.
type logs struct {
	sources []*ingest.Source
	roles   []string
	log     *slog.Logger
}

// openLogs prepares what the configuration names. Where a log was left off is remembered in the
// data directory.
func openLogs(cfg config.Config, key func(string) engine.Key, log *slog.Logger) (*logs, error) {
	l := &logs{log: log}
	if len(cfg.Logs) == 0 {
		return l, nil
	}
	left, err := ingest.OpenPositions(filepath.Join(cfg.Storage.Data, "logs.json"))
	if err != nil {
		return nil, err
	}
	for i, c := range cfg.Logs {
		format, err := logFormat(i, c)
		if err != nil {
			return nil, err
		}
		l.sources = append(l.sources, &ingest.Source{File: c.File, Format: format, Options: ingest.Options{Key: key}, Positions: left})
		l.roles = append(l.roles, c.As)
	}
	return l, nil
}

// logFormat of the log at a place of the settings.
func logFormat(i int, l config.Log) (ingest.Format, error) {
	format, err := ingest.ParseFormat(l.Format)
	if wrong, ok := errors.AsType[engine.Invalid](err); ok {
		return format, engine.Invalid{Field: fmt.Sprintf("logs[%d].%s", i, wrong.Field), Problem: wrong.Problem}
	}
	return format, err
}

// follow reads until ctx ends; traffic is judged and counted, answers join what /authz was asked.
func (l *logs) follow(ctx context.Context, traffic, answers func(engine.Exchange)) *sync.WaitGroup {
	var all sync.WaitGroup
	for i, s := range l.sources {
		take := traffic
		if l.roles[i] == config.Answers {
			take = answers
		}
		all.Go(func() {
			if err := ingest.Follow(ctx, s, take); err != nil {
				l.log.Error("a log can't be followed", "file", s.File, "err", err)
			}
		})
		all.Go(func() { l.watch(ctx, s) })
	}
	return &all
}

// told is how each log fares.
func (l *logs) told() []*graph.FollowedLog {
	out := []*graph.FollowedLog{}
	for i, s := range l.sources {
		h := s.Stats()
		f := &graph.FollowedLog{
			File: s.File, Format: h.Format, As: graph.LogRoleTraffic, Lines: h.Lines, Bad: h.Bad,
			BadLines: []*graph.BadLine{}, Lag: h.Lag, Problem: h.Problem,
		}
		if l.roles[i] == config.Answers {
			f.As = graph.LogRoleAnswers
		}
		for _, b := range h.BadLines {
			f.BadLines = append(f.BadLines, &graph.BadLine{Number: b.Number, Problem: b.Problem})
		}
		out = append(out, f)
	}
	return out
}

const lookAtLogs = 30 * time.Second

// watch says when a log has lines that can't be read, or can't be read at all.
func (l *logs) watch(ctx context.Context, s *ingest.Source) {
	tick := time.NewTicker(lookAtLogs)
	defer tick.Stop()
	var bad int64
	var problem string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		h := s.Stats()
		if h.Bad > bad {
			l.log.Warn("lines of a log can't be read", "file", s.File, "bad", h.Bad, "lines", h.Lines, "first", fmt.Sprint(h.BadLines))
			bad = h.Bad
		}
		if h.Problem != problem {
			if problem = h.Problem; problem != "" {
				l.log.Warn("a log can't be read at the moment", "file", s.File, "problem", problem)
			} else {
				l.log.Info("a log is read again", "file", s.File)
			}
		}
	}
}

// A reporter judges what logs tell as if it had come through the gateway. Several may tell at once.
type reporter struct {
	mu    sync.Mutex
	guard interface {
		gateway.Guard
		Note(engine.Exchange)
	}
	routes func() gateway.Routes
	places func(engine.Place, netip.Addr) engine.Place // completes what a log says of it
	node   byte
	last   uint64
}

func (r *reporter) take(x engine.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number(&x)
	x.Place = r.places(x.Place, x.Client)
	routes := r.routes()
	gateway.Locate(&x.Request, routes)
	if v := r.guard.Decide(x.Request); v.Refused() || v.Would != "" {
		if x.Would = v.Cause; v.Would != "" {
			x.Would = v.Would
		}
		if v.Refused() {
			r.guard.Note(x)
			return
		}
	}
	r.guard.Observe(x)
	if learner, ok := routes.(gateway.Learner); ok {
		learner.Answered(x.Method, x.Folded, x.Status)
	}
}

// number gives an exchange its ID as the gateway does: milliseconds, then twelve bits that
// count, then eight that name the node.
func (r *reporter) number(x *engine.Exchange) {
	now := uint64(max(x.At.UnixMilli(), 0))<<20 | uint64(r.node) //nolint:gosec // not negative
	x.ID = max(r.last+1<<8, now)
	r.last = x.ID
}
