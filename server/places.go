package main

import (
	"os"
	"path/filepath"

	"github.com/sentinel-protocol/sentinel/server/config"
	"github.com/sentinel-protocol/sentinel/server/geo"
)

// countryFile lies beside the program: the free country database of DB-IP.
const countryFile = "dbip-country.mmdb"

// placeFiles are those that the operator named, or else the one beside the program, if it is there.
func placeFiles(named config.GeoIP) []string {
	if files := named.Files(); len(files) > 0 {
		return files
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return nil
	}
	beside := filepath.Join(filepath.Dir(self), countryFile)
	if _, err := os.Stat(beside); err != nil {
		return nil
	}
	return []string{beside}
}

// placeSources names what places are known from, each with its file: not every database says whose
// it is, and that of DB-IP must be named. Of the demo's own there is no file.
func placeSources(db *geo.DB, files []string) []string {
	names := db.Sources()
	own := len(names) - len(files)
	for i, f := range files {
		names[own+i] += " (" + filepath.Base(f) + ")"
	}
	return names
}
