// Package migrations holds the schema: numbered SQL, a directory for each kind of database and
// each of the two databases that Sentinel keeps. They run forward only; what is released is
// never edited, only followed by the next number.
package migrations

import "embed"

// FS has sqlite/sentinel, sqlite/traffic, postgres/sentinel and postgres/traffic.
//
//go:embed sqlite postgres
var FS embed.FS
