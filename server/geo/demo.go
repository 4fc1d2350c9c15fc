package geo

import _ "embed"

//go:generate go run ./demoplaces

// demoMMDB says where the demo's addresses pretend to be: those of the benchmark range (198.18.0.0/15)
// and of documentation, which nobody has.
//
//go:embed demo.mmdb
var demoMMDB []byte

// Demo answers for the demo's addresses, and for real ones from the files.
func Demo(files ...string) (*DB, error) {
	db, err := Open(files...)
	if err != nil {
		return nil, err
	}
	demo, err := read(demoMMDB)
	if err != nil {
		return nil, err
	}
	db.files = append(demo.files, db.files...)
	return db, nil
}
