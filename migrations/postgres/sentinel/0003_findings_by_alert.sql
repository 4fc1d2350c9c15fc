-- The findings of an alert go with it when it has been kept long enough.

-- +goose Up
CREATE INDEX alert_findings_alert ON alert_findings (alert);
