package main

import (
	"os"
	"path/filepath"

	"github.com/sentinel-protocol/sentinel/server/config"
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
