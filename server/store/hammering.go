package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Hammering is how often whom a decision refuses asked meanwhile.
type Hammering struct {
	Requests int64
	Last     time.Time
}

// And is both together.
func (h Hammering) And(o Hammering) Hammering {
	h.Requests += o.Requests
	if o.Last.After(h.Last) {
		h.Last = o.Last
	}
	return h
}

type hammeringRow struct {
	Decision string `gorm:"primaryKey"`
	Requests int64
	LastAt   int64
}

func (hammeringRow) TableName() string { return "hammering" }

// AddHammering adds to what is known, by the decisions' IDs: all of it or nothing. A decision need not
// be written yet.
func (s *Store) AddHammering(ctx context.Context, more map[string]Hammering) error {
	if len(more) == 0 {
		return nil
	}
	if err := s.present(); err != nil {
		return err
	}
	rows := make([]hammeringRow, 0, len(more))
	for _, id := range slices.SortedFunc(maps.Keys(more), cmp.Compare[string]) { // so that nodes never wait for each other in a circle
		rows = append(rows, hammeringRow{clean(id), more[id].Requests, millis(more[id].Last)})
	}
	err := s.main.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "decision"}},
			DoUpdates: clause.Assignments(map[string]any{
				"requests": gorm.Expr("hammering.requests + excluded.requests"),
				"last_at":  gorm.Expr("CASE WHEN excluded.last_at > hammering.last_at THEN excluded.last_at ELSE hammering.last_at END"),
			}),
		}).CreateInBatches(rows, perStatement).Error
	})
	return s.main.wrote("add hammering", err)
}

// perQuestion keeps questions below what either database takes in parameters.
const perQuestion = 1000

// Hammering is what is known of those decisions of which anything is.
func (s *Store) Hammering(ctx context.Context, decisions []string) (map[string]Hammering, error) {
	out := make(map[string]Hammering)
	for some := range slices.Chunk(decisions, perQuestion) {
		var rows []hammeringRow
		if err := s.main.read.WithContext(ctx).Where("decision IN ?", some).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read hammering: %w", err)
		}
		for _, r := range rows {
			out[r.Decision] = Hammering{r.Requests, instant(r.LastAt)}
		}
	}
	return out, nil
}
