// Package config is what an operator may choose about `sentinel serve`: one YAML file, then the
// environment (SENTINEL_GATEWAY_LISTEN for gateway.listen), then flags. Every key has a default
// that works; an unknown key is a mistake that names the nearest known one.
package config

import (
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
)

// Config is the whole of it. The `key` of a field is its name in the file; `secret` marks what
// is never printed and may also be given as a file (`redis.url_file`, SENTINEL_REDIS_URL_FILE).
type Config struct {
	Gateway   Gateway         `key:"gateway"`
	Clients   Clients         `key:"clients"`
	Identity  Identity        `key:"identity"`
	Rules     map[string]Rule `key:"rules"`     // by the rule's ID; a rule that is missing keeps its own terms
	RulesDir  string          `key:"rules_dir"` // packs of the operator's own; empty for none
	Decoys    []string        `key:"decoys"`
	Payments  []string        `key:"payments"`
	Balances  []string        `key:"balances"`
	Engine    Engine          `key:"engine"`
	GeoIP     GeoIP           `key:"geoip"`
	Logs      []Log           `key:"logs"`
	Console   Console         `key:"console"`
	Service   Service         `key:"service"`
	Storage   Storage         `key:"storage"`
	Retention Retention       `key:"retention"`
	Redis     Redis           `key:"redis"`
	Secret    string          `key:"secret" secret:"true"` // keys the hashes of API keys; empty: made in storage.data at the first start

	DecoyKeys     []string       `key:"decoy_keys" secret:"true"`
	DecoyAccounts []string       `key:"decoy_accounts"`
	SignIns       []string       `key:"sign_ins"`
	FailedSignIns []FailedSignIn `key:"failed_sign_ins"`
	Crawlers      []Crawler      `key:"crawlers"`
	Incidents     Incidents      `key:"incidents"`

	packs []engine.Rule // rules that are data, as Sources read them
	found *mistakes     // of Load
}

// Mode of the whole gateway.
type Mode string

// Observe lets everything pass and counts what would have been refused; Enforce refuses it.
const (
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Gateway is the listener that protected traffic passes. Without an upstream it stays closed.
type Gateway struct {
	Listen           string         `key:"listen"`
	Mode             Mode           `key:"mode"`
	TLS              TLS            `key:"tls"`
	ProxyProtocol    []netip.Prefix `key:"proxy_protocol"` // peers that may send a PROXY header (v1 or v2)
	Upstreams        []Upstream     `key:"upstreams"`
	Deny             []string       `key:"deny"` // paths, and all below them, refused to everybody
	Skip             []string       `key:"skip"` // paths, and all below them, where nothing is counted
	Routes           Routes         `key:"routes"`
	Failure          Failure        `key:"failure"`
	RateLimitHeaders bool           `key:"ratelimit_headers"`
	Drain            time.Duration  `key:"drain"` // how long requests in flight may take at a stop
}

// TLS of a listener: both files or none. They are read again when they change, and at SIGHUP.
type TLS struct {
	Cert string `key:"cert"`
	Key  string `key:"key"`
}

// Upstream is a protected API: the hosts and paths it answers for, and where it is.
type Upstream struct {
	Name         string        `key:"name"`
	URL          string        `key:"url"`
	URLs         []string      `key:"urls"`  // several targets, asked in turn
	Hosts        []string      `key:"hosts"` // none: every host; "*.example.com" is any below
	Paths        []string      `key:"paths"` // none: every path; the longest that fits counts
	Health       Health        `key:"health"`
	Connect      time.Duration `key:"connect"`
	Answer       time.Duration `key:"answer"` // until the first byte of the answer
	Idle         time.Duration `key:"idle"`   // how long either body may stand still
	MaxBody      Size          `key:"max_body"`
	PreserveHost *bool         `key:"preserve_host"` // pass the client's Host on; true unless said otherwise
	CAFile       string        `key:"ca_file"`       // PEM of who may sign an https target's certificate; the system's when empty
}

// Health is how a target is asked whether it is well; without a path only failures tell.
type Health struct {
	Path    string        `key:"path"`
	Every   time.Duration `key:"every"`
	Timeout time.Duration `key:"timeout"`
}

// Routes are the templates that paths belong to: learned, or taken from an OpenAPI file.
type Routes struct {
	OpenAPI   string   `key:"openapi"`
	Sensitive []string `key:"sensitive"` // paths, and all below them: sign-in, transfers
}

// Failure is what is done while Redis or the database is away: open, tighten or closed.
type Failure struct {
	Normal    string `key:"normal"`
	Sensitive string `key:"sensitive"`
}

// Clients says who a client is, and who is never blocked by a rule.
type Clients struct {
	TrustedProxies []netip.Prefix `key:"trusted_proxies"`
	Header         string         `key:"header"`
	NeverBlock     []netip.Prefix `key:"never_block"`
	SelfTest       bool           `key:"self_test"`
}

// Identity says where keys, accounts and sessions are.
type Identity struct {
	Keys     []Source `key:"keys"`
	Accounts []Source `key:"accounts"`
	Sessions []Source `key:"sessions"`
}

// FailedSignIn is what an answer looks like that lets nobody in, where no status tells it.
type FailedSignIn struct {
	Path     string `key:"path"`
	Status   int    `key:"status"`    // 0 for any of 200 to 399
	MaxBytes int64  `key:"max_bytes"` // of the body; 0 for any
}

// Crawler is a bot that is left alone where its user agent says what it is and its address lies in its
// networks. One that comes with the program and has the same name counts no more.
type Crawler struct {
	Name     string         `key:"name"`
	Agents   []string       `key:"agents"` // what its user agent holds, any of them, in whatever case
	Networks []netip.Prefix `key:"networks"`
}

// Incidents says what follows from the score of an incident.
type Incidents struct {
	BlockFrom int           `key:"block_from"` // score from which on its sources are blocked; 0 for never
	BlockFor  time.Duration `key:"block_for"`
}

// Source is a place in a request.
type Source struct {
	In      string   `key:"in"` // header, cookie, bearer, json, form or query
	Name    string   `key:"name"`
	Routes  []string `key:"routes"` // none: everywhere
	Methods []string `key:"methods"`
}

// Rule is the terms of a rule.
type Rule struct {
	Mode     string        `key:"mode"` // enforce, shadow or off
	More     int           `key:"more"`
	Within   time.Duration `key:"within"`
	Severity string        `key:"severity"`
	Do       string        `key:"do"` // block, throttle, monitor or alert
	For      time.Duration `key:"for"`

	Ladder []time.Duration `key:"ladder"` // instead of For: the first time, the second, and so on
}

// Engine bounds what is remembered.
type Engine struct {
	Clients    int           `key:"clients"`
	Decisions  int           `key:"decisions"`
	Late       time.Duration `key:"late"`
	Collateral int           `key:"collateral"`
	Memory     Size          `key:"memory"` // beyond it the collector works harder; GOMEMLIMIT overrules it
}

// GeoIP names MaxMind DB files that tell where addresses are. Without any the country file beside the
// program counts, if it is there.
type GeoIP struct {
	Country string `key:"country"`
	City    string `key:"city"`
	ASN     string `key:"asn"`
}

// Files are those that are named, the most exact first.
func (g GeoIP) Files() []string {
	return slices.DeleteFunc([]string{g.City, g.Country, g.ASN}, func(name string) bool { return name == "" })
}

// Log is an access log to follow.
type Log struct {
	File   string `key:"file"` // "-" is standard input
	Format string `key:"format"`
	As     string `key:"as"` // traffic: judged and counted; answers: of what /authz was asked
}

// Console is the listener that operators use.
type Console struct {
	Listen  string   `key:"listen"`
	TLS     TLS      `key:"tls"`
	Hosts   []string `key:"hosts"`   // further names it answers to, with port
	Origins []string `key:"origins"` // further origins whose pages may act
}

// Service is the listener that machines use: forward-auth, decisions, metrics.
type Service struct {
	Listen string `key:"listen"`
	TLS    TLS    `key:"tls"`
	Authz  Authz  `key:"authz"`
}

// Authz is forward-auth.
type Authz struct {
	From []netip.Prefix `key:"from"` // who may ask
}

// Storage is where the data is.
type Storage struct {
	Data     string `key:"data"`
	Database string `key:"database" secret:"true"` // postgres:// instead of SQLite in data
}

// Retention is how long each class is kept, and how large all may grow.
type Retention struct {
	Exchanges time.Duration `key:"exchanges"`
	Alerts    time.Duration `key:"alerts"`
	Audit     time.Duration `key:"audit"`
	Rollups   time.Duration `key:"rollups"`
	Size      Size          `key:"size"`
}

// Redis is where several Sentinels meet.
type Redis struct {
	URL string `key:"url" secret:"true"`
}

// Defaults is what holds where the file says nothing.
func Defaults() Config {
	p := engine.Defaults()
	c := Config{
		Gateway: Gateway{
			Listen: "127.0.0.1:8000", Mode: Observe,
			Failure:          Failure{Normal: "open", Sensitive: "tighten"},
			RateLimitHeaders: true, Drain: 10 * time.Second,
		},
		Clients:  Clients{Header: "X-Forwarded-For", SelfTest: true},
		Identity: Identity{Keys: []Source{{In: "header", Name: "X-API-Key"}}},
		Rules:    map[string]Rule{},
		Decoys:   p.Decoys, Payments: p.Payments, Balances: p.Balances, SignIns: p.SignIns,
		Engine:    Engine{Clients: p.Clients, Decisions: p.Decisions, Late: p.Late, Collateral: p.Collateral, Memory: 448 << 20},
		Incidents: Incidents{BlockFor: p.Incidents.For},
		Console:   Console{Listen: "127.0.0.1:8081"},
		Service:   Service{Listen: "127.0.0.1:8082", Authz: Authz{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}}},
		Storage:   Storage{Data: "data"},
		Retention: Retention{Exchanges: 30 * day, Alerts: 400 * day, Audit: 400 * day, Rollups: 400 * day, Size: 10 << 30},
	}
	for _, r := range engine.Rules() {
		t := p.Terms(r.ID)
		t.Shadow = r.Gradual()
		c.Rules[r.ID] = ruleOf(t)
	}
	return c
}

const day = 24 * time.Hour

// UpstreamDefaults holds for whatever an upstream leaves out.
func UpstreamDefaults() Upstream {
	return Upstream{
		Health:  Health{Every: 10 * time.Second, Timeout: 2 * time.Second},
		Connect: 3 * time.Second, Answer: 30 * time.Second, Idle: 60 * time.Second,
		PreserveHost: new(true),
	}
}

// Fix puts back what can't be changed while the program runs, and names the settings that were
// different: listeners, who the client is, storage, Redis, the secret, failure policies, logs.
func (c *Config) Fix(now Config) []string {
	var changed []string
	keep(&changed, "gateway.listen", &c.Gateway.Listen, now.Gateway.Listen)
	keep(&changed, "gateway.tls", &c.Gateway.TLS, now.Gateway.TLS)
	keep(&changed, "gateway.proxy_protocol", &c.Gateway.ProxyProtocol, now.Gateway.ProxyProtocol)
	keep(&changed, "gateway.failure", &c.Gateway.Failure, now.Gateway.Failure)
	keep(&changed, "clients", &c.Clients, now.Clients)
	keep(&changed, "engine", &c.Engine, now.Engine)
	keep(&changed, "logs", &c.Logs, now.Logs)
	keep(&changed, "console", &c.Console, now.Console)
	keep(&changed, "service", &c.Service, now.Service)
	keep(&changed, "storage", &c.Storage, now.Storage)
	keep(&changed, "redis", &c.Redis, now.Redis)
	keep(&changed, "secret", &c.Secret, now.Secret)
	if (len(c.Gateway.Upstreams) == 0) != (len(now.Gateway.Upstreams) == 0) { // its listener opens at the start
		changed, c.Gateway.Upstreams = append(changed, "gateway.upstreams"), now.Gateway.Upstreams
	}
	return changed
}

func keep[T any](changed *[]string, key string, value *T, was T) {
	if !reflect.DeepEqual(*value, was) {
		*changed = append(*changed, key)
		*value = was
	}
}
