package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// ErrStale says that somebody else saved a version of the rule first.
var ErrStale = errors.New("another version was saved meanwhile")

// A RuleChange is why there is a version of a rule.
type RuleChange uint8

// The changes of a rule.
const (
	RuleSaved RuleChange = iota + 1
	RuleModeSet
	RuleDeleted
)

// A RuleVersion is a rule of the console as it was saved once. Versions are never changed: what
// becomes of a rule is its next one.
type RuleVersion struct {
	Rule       string
	Number     int // from 1, without gaps
	Finds      int // the version since which it finds what this one finds
	Change     RuleChange
	Mode       string // enforce, shadow or off
	Definition string // as it was written; empty when it was deleted
	By         string
	At         time.Time
}

// A RuleMode is the mode that an operator has set for a rule that the console does not hold.
type RuleMode struct {
	Rule string
	Mode string // empty: as its pack and the settings say
	By   string
	At   time.Time
}

type ruleVersionRow struct {
	Rule       string `gorm:"primaryKey"`
	Number     int    `gorm:"primaryKey;autoIncrement:false"`
	Finds      int
	Change     uint8
	Mode       string
	Definition string
	Author     string
	SavedAt    int64
}

func (ruleVersionRow) TableName() string { return "rule_versions" }

func rowOfRuleVersion(v *RuleVersion) ruleVersionRow {
	return ruleVersionRow{
		Rule: clean(v.Rule), Number: v.Number, Finds: v.Finds, Change: uint8(v.Change), Mode: clean(v.Mode),
		Definition: clean(v.Definition), Author: clean(v.By), SavedAt: millis(v.At),
	}
}

func (r *ruleVersionRow) version() (RuleVersion, error) {
	return RuleVersion{
		Rule: r.Rule, Number: r.Number, Finds: r.Finds, Change: RuleChange(r.Change), Mode: r.Mode,
		Definition: r.Definition, By: r.Author, At: instant(r.SavedAt),
	}, nil
}

type ruleModeRow struct {
	Rule   string `gorm:"primaryKey"`
	Mode   string
	Author string
	SetAt  int64
}

func (ruleModeRow) TableName() string { return "rule_modes" }

// recordRules adds versions, each the next one of its rule (ErrStale when it is not), and puts modes.
func recordRules(tx *gorm.DB, versions []RuleVersion, modes []RuleMode) error {
	for i := range versions {
		r := rowOfRuleVersion(&versions[i])
		done := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r)
		switch {
		case done.Error != nil:
			return done.Error
		case done.RowsAffected == 0:
			return fmt.Errorf("version %d of rule %s: %w", r.Number, r.Rule, ErrStale)
		}
	}
	rows := make([]ruleModeRow, len(modes))
	for i, m := range modes {
		rows[i] = ruleModeRow{clean(m.Rule), clean(m.Mode), clean(m.By), millis(m.At)}
	}
	return upsert(tx, rows, func(r ruleModeRow) string { return r.Rule })
}

// newestVersions holds the last version of each rule.
const newestVersions = "number = (SELECT max(o.number) FROM rule_versions o WHERE o.rule = rule_versions.rule)"

// SavedRules are the rules of the console, each in its last version, by their IDs; those that were
// deleted too.
func (s *Store) SavedRules(ctx context.Context) ([]RuleVersion, error) {
	var rows []ruleVersionRow
	if err := s.main.read.WithContext(ctx).Where(newestVersions).Order("rule").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the rules of the console: %w", err)
	}
	out := make([]RuleVersion, len(rows))
	for i := range rows {
		out[i], _ = rows[i].version()
	}
	return out, nil
}

// RuleModes are the modes that were set in the console, by rule; also those that were taken back.
func (s *Store) RuleModes(ctx context.Context) ([]RuleMode, error) {
	var rows []ruleModeRow
	if err := s.main.read.WithContext(ctx).Order("rule").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read the modes of rules: %w", err)
	}
	out := make([]RuleMode, len(rows))
	for i, r := range rows {
		out[i] = RuleMode{r.Rule, r.Mode, r.Author, instant(r.SetAt)}
	}
	return out, nil
}

var ruleVersionList = listing[ruleVersionRow, RuleVersion]{
	kind: 'v', at: "number",
	place: func(r *ruleVersionRow) place { return place{at: int64(r.Number)} },
	value: (*ruleVersionRow).version,
}

// RuleVersions lists the versions of a rule of the console, newest first.
func (s *Store) RuleVersions(ctx context.Context, rule string, p Page) (Slice[RuleVersion], error) {
	if err := p.check(); err != nil {
		return Slice[RuleVersion]{}, err
	}
	out, err := ruleVersionList.page(ctx, s.ruleVersions(rule), p)
	return out, told("read the versions of a rule", err)
}

// CountRuleVersions counts what RuleVersions lists.
func (s *Store) CountRuleVersions(ctx context.Context, rule string) (int, error) {
	return count(ctx, s.ruleVersions(rule), "versions of a rule")
}

func (s *Store) ruleVersions(rule string) *gorm.DB {
	return s.main.read.Model(&ruleVersionRow{}).Where("rule = ?", clean(rule))
}
