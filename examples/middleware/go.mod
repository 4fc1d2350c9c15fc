module github.com/sentinel-protocol/sentinel/examples/middleware

go 1.26.0

replace github.com/sentinel-protocol/sentinel => ../..

require github.com/sentinel-protocol/sentinel v0.0.0

require golang.org/x/text v0.43.0 // indirect
