package store

import (
	"context"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Record writes a batch, whole or not at all, and returns once it is safe against a power cut.
// What has a known ID takes the place of what was there; several versions of one thing are
// written in their order. Audit entries and versions of rules are added; ErrStale means that there
// is such a version, and nothing was written. After another error the same batch may be given again.
func (s *Store) Record(ctx context.Context, b Batch) error {
	if len(b.Alerts)+len(b.Incidents)+len(b.Decisions)+len(b.Audit)+len(b.Rules)+len(b.Modes)+len(b.Receipts) == 0 {
		return nil
	}
	if err := s.present(); err != nil {
		return err
	}
	alerts, findings := make([]alertRow, 0, len(b.Alerts)), []findingRow{}
	for i := range b.Alerts {
		r := rowOfAlert(&b.Alerts[i])
		alerts = append(alerts, r)
		if r.Finding != "" {
			findings = append(findings, findingRow{r.Finding, r.ID, textOfReceipt(b.Alerts[i].Receipt())})
		}
	}
	for i := range b.Receipts {
		r := &b.Receipts[i]
		findings = append(findings, findingRow{r.Finding, -r.Incident, textOfReceipt(r.Receipt)})
	}
	incidents := make([]incidentRow, 0, len(b.Incidents))
	for i := range b.Incidents {
		incidents = append(incidents, rowOfIncident(&b.Incidents[i]))
	}
	decisions := make([]decisionRow, 0, len(b.Decisions))
	for i := range b.Decisions {
		decisions = append(decisions, rowOfDecision(&b.Decisions[i]))
	}
	audit := make([]auditRow, 0, len(b.Audit))
	for i := range b.Audit {
		audit = append(audit, rowOfEntry(&b.Audit[i]))
	}
	err := s.main.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := upsert(tx, alerts, func(r alertRow) int64 { return r.ID }); err != nil {
			return err
		}
		if err := upsert(tx, findings, func(r findingRow) string { return r.Finding }); err != nil {
			return err
		}
		if err := upsert(tx, incidents, func(r incidentRow) int64 { return r.ID }); err != nil {
			return err
		}
		if err := upsert(tx, decisions, func(r decisionRow) string { return r.ID }); err != nil {
			return err
		}
		if err := recordRules(tx, b.Rules, b.Modes); err != nil {
			return err
		}
		if len(audit) == 0 {
			return nil
		}
		return tx.CreateInBatches(audit, perStatement).Error
	})
	if errors.Is(err, ErrStale) {
		return err // the database is well
	}
	return s.main.wrote("record", err)
}

// perStatement keeps statements far below what either database takes in parameters.
const perStatement = 100

// upsert writes the last version of each row.
func upsert[R any, ID comparable](tx *gorm.DB, rows []R, id func(R) ID) error {
	if len(rows) == 0 {
		return nil
	}
	place := make(map[ID]int, len(rows))
	last := rows[:0:0]
	for _, r := range rows {
		if i, seen := place[id(r)]; seen {
			last[i] = r
			continue
		}
		place[id(r)] = len(last)
		last = append(last, r)
	}
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(last, perStatement).Error
}
