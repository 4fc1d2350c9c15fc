package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/incident"
)

// mostTogether is how many are looked up by one statement.
const mostTogether = 500

// DecisionsByID finds many decisions at once; what is not there is not in the answer.
func (s *Store) DecisionsByID(ctx context.Context, ids []string) (map[string]engine.Decision, error) {
	out := make(map[string]engine.Decision, len(ids))
	for some := range slices.Chunk(ids, mostTogether) {
		var rows []decisionRow
		if err := s.main.read.WithContext(ctx).Where("id IN ?", some).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		for i := range rows {
			d, err := rows[i].decision()
			if err != nil {
				return nil, err
			}
			out[d.ID] = d
		}
	}
	return out, nil
}

// IncidentsBetween finds the incidents whose IDs lie from least to greatest, which is what a short
// reference says of them; at most 20, newest first.
func (s *Store) IncidentsBetween(ctx context.Context, least, greatest int64) ([]incident.Incident, error) {
	var rows []incidentRow
	if err := s.main.read.WithContext(ctx).Where("id BETWEEN ? AND ?", least, greatest).Order("last_at DESC").Limit(20).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	out := make([]incident.Incident, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].incident(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// IncidentsByID finds many incidents at once; what is not there is not in the answer.
func (s *Store) IncidentsByID(ctx context.Context, ids []int64) (map[int64]incident.Incident, error) {
	out := make(map[int64]incident.Incident, len(ids))
	for some := range slices.Chunk(ids, mostTogether) {
		var rows []incidentRow
		if err := s.main.read.WithContext(ctx).Where("id IN ?", some).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read incidents: %w", err)
		}
		for i := range rows {
			v, err := rows[i].incident()
			if err != nil {
				return nil, err
			}
			out[v.ID] = v
		}
	}
	return out, nil
}

// AlertsOfFindings finds the alerts that many findings were merged into, by finding; what is
// not there is not in the answer.
func (s *Store) AlertsOfFindings(ctx context.Context, findings []string) (map[string]incident.Alert, error) {
	out := make(map[string]incident.Alert, len(findings))
	for some := range slices.Chunk(findings, mostTogether) {
		var pairs []findingRow
		if err := s.main.read.WithContext(ctx).Where("finding IN ?", some).Find(&pairs).Error; err != nil {
			return nil, fmt.Errorf("read findings: %w", err)
		}
		ids := make([]int64, len(pairs))
		for i, p := range pairs {
			ids[i] = p.Alert
		}
		slices.Sort(ids)
		var rows []alertRow
		if err := s.main.read.WithContext(ctx).Where("id IN ?", slices.Compact(ids)).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("read alerts of findings: %w", err)
		}
		known := make(map[int64]incident.Alert, len(rows))
		for i := range rows {
			a, err := rows[i].alert()
			if err != nil {
				return nil, err
			}
			known[a.ID] = a
		}
		for _, p := range pairs {
			if a, ok := known[p.Alert]; ok {
				out[p.Finding] = a
			}
		}
	}
	return out, nil
}
