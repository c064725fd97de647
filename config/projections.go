package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Projections are the program's read models: where they are kept, and how workers fill them.
type Projections struct {
	Run          bool          `key:"run" default:"true" help:"Fill the program's read models in the workers: all for which a store is given below. false: workers only serve them, and processor project fills them."`
	Only         []string      `key:"only" help:"Names of the projections that are filled and served. Empty: all of the program."`
	Stores       []string      `key:"stores" help:"Stores of single projections, each name=store, the store one of postgres, sqlite, opensearch and redis. By default a projection goes to the store of its kind, and without one to Postgres, or else to SQLite."`
	FromTables   []string      `key:"from-tables" help:"Projections whose new builds are filled from the aggregates' tables instead of all events. They must make their rows of states alone, without sums. processor project rebuild needs it, too."`
	ByHand       []string      `key:"by-hand" help:"Projections whose new builds wait for processor project take-over. By default a build takes over as soon as it is level."`
	Share        float64       `key:"share" default:"0.25" min:"0.01" max:"1" help:"The share of the time that all builds together work in a worker; they rest in between, so that commands are not delayed. processor project takes all of its time."`
	BatchRecords int           `key:"batch-records" default:"5000" min:"1" max:"1000000" help:"The most events of one transaction of the store, in a worker; in processor project ten times as many. Larger batches write a row that changes often less often, and take more memory."`
	BatchBytes   Bytes         `key:"batch-bytes" default:"4MiB" min:"1KiB" max:"64MiB" help:"The most bytes of events in one transaction, likewise. As much is fetched ahead from each broker, compressed."`
	States       int           `key:"states" default:"100000" min:"1" max:"100000000" help:"How many states of aggregates each build keeps in memory, a few hundred bytes each. Others are read from the store when an event comes."`
	Poison       string        `key:"poison" default:"dead-letters" oneof:"dead-letters|stop" help:"What becomes of an event that a projection can't take. dead-letters: it is set aside there, with the projection's name, and the next one is taken; the row lacks it until a rebuild. stop: its partition is held before it until the process is restarted."`
	StallAfter   time.Duration `key:"stall-after" default:"30s" min:"10ms" max:"24h" help:"How long a store may be away before /readyz is red. A restart of a database takes less."`
	StoreTimeout time.Duration `key:"store-timeout" default:"30s" min:"100ms" max:"10m" help:"How long one call of a store may take. A rebalance waits for the call that is under way."`
	ReadyLag     time.Duration `key:"ready-lag" default:"0s" min:"0s" max:"24h" help:"How old the oldest event may be that the live build of a projection lacks before /readyz is red. 0s: any age; a read model that is behind is no reason to send nobody to this pod."`
	Keep         int           `key:"keep" default:"1" min:"0" max:"10" help:"How many builds that were live are kept of each projection, and kept up to date while the program has their version. One can go back to them."`

	SQLite     SQLite     `key:"sqlite"`
	Postgres   Postgres   `key:"postgres"`
	OpenSearch OpenSearch `key:"opensearch"`
	Redis      Redis      `key:"redis"`
}

// SQLite is a database in a file of this machine.
type SQLite struct {
	Path        string        `key:"path" help:"The file, made if it is missing. A relative path is below store.directory, with topics.prefix in front. Empty: none. Only processes of one machine can share it: several pods need a database of their own kind, or processor project in one of them."`
	BusyTimeout time.Duration `key:"busy-timeout" default:"10s" min:"10ms" max:"10m" help:"How long a write waits for another process's."`
	Connections int           `key:"connections" default:"4" min:"1" max:"1000" help:"How many reads may be under way at a time."`
}

// Postgres is a database server.
type Postgres struct {
	URL         Secret `key:"url" help:"Where it is, as postgres://user:password@host:5432/database?sslmode=verify-full. Its parameter search_path names the schema for the tables. Set it in the environment or the file, never as a flag. Empty: none."`
	URLFile     string `key:"url-file" help:"File with the URL, in place of url."`
	Connections int    `key:"connections" default:"8" min:"2" max:"1000" help:"The most connections of this process: each build writes by one, each query reads by one."`
}

// OpenSearch is a search server.
type OpenSearch struct {
	Addresses    []string      `key:"addresses" help:"URLs of its nodes, such as https://search-1:9200. Empty: none."`
	Username     string        `key:"username" help:"User name for basic authentication. Empty: none."`
	Password     Secret        `key:"password" help:"Its password. Set it in the environment or the file, never as a flag."`
	PasswordFile string        `key:"password-file" help:"File with the password."`
	TLS          StoreTLS      `key:"tls"`
	Timeout      time.Duration `key:"timeout" default:"30s" min:"100ms" max:"10m" help:"Time limit of one request."`
	BulkBytes    Bytes         `key:"bulk-bytes" default:"5MiB" min:"1KiB" max:"64MiB" help:"Where a bulk request is full and the next one begins."`
	Shards       int           `key:"shards" default:"1" min:"1" max:"1000" help:"The primary shards of a new index."`
}

// Redis is a cache.
type Redis struct {
	Addresses    []string      `key:"addresses" help:"host:port of the server, of some nodes of a cluster, or of the sentinels. Empty: none."`
	Cluster      bool          `key:"cluster" default:"false" help:"It is a Redis Cluster."`
	Sentinel     string        `key:"sentinel" help:"The name of the master that the sentinels watch. Empty: there are none."`
	Database     int           `key:"database" default:"0" min:"0" max:"1048576" help:"The number of the database."`
	Username     string        `key:"username" help:"The user of the ACL. Empty: the default user."`
	Password     Secret        `key:"password" help:"The password. Set it in the environment or the file, never as a flag."`
	PasswordFile string        `key:"password-file" help:"File with the password."`
	TLS          RedisTLS      `key:"tls"`
	Timeout      time.Duration `key:"timeout" default:"5s" min:"10ms" max:"10m" help:"Time limit of connecting, and of each command."`
	Connections  int           `key:"connections" default:"16" min:"1" max:"10000" help:"The most connections of this process to a node."`
}

// RedisTLS says how connections to Redis are encrypted.
type RedisTLS struct {
	Enabled  bool `key:"enabled" default:"false" help:"Turns TLS on."`
	StoreTLS `key:",inline"`
}

// StoreTLS says by what a store and we know each other.
type StoreTLS struct {
	CAFile   string `key:"ca-file" help:"Certificate authorities to trust (PEM). Empty: the system's."`
	CertFile string `key:"cert-file" help:"Our own certificate (PEM), if the server asks for one (mutual TLS). This file and the next one are read again at each connection."`
	KeyFile  string `key:"key-file" help:"Its key (PEM)."`
}

// The names of stores, as Projections.Stores has them.
const (
	StoreSQLite     = "sqlite"
	StorePostgres   = "postgres"
	StoreOpenSearch = "opensearch"
	StoreRedis      = "redis"
)

// Given returns the names of the stores that are given.
func (p *Projections) Given() (all []string) {
	for _, s := range []struct {
		name  string
		given bool
	}{
		{StorePostgres, p.Postgres.URL != "" || p.Postgres.URLFile != ""},
		{StoreSQLite, p.SQLite.Path != ""},
		{StoreOpenSearch, len(p.OpenSearch.Addresses) > 0},
		{StoreRedis, len(p.Redis.Addresses) > 0},
	} {
		if s.given {
			all = append(all, s.name)
		}
	}
	return all
}

// Store returns the store that a projection was given by name; "" if it was given none.
func (p *Projections) Store(projection string) string {
	for _, text := range p.Stores {
		if name, store, _ := strings.Cut(text, "="); name == projection {
			return store
		}
	}
	return ""
}

// Stored returns the names of the projections that were given a store by name.
func (p *Projections) Stored() (all []string) {
	for _, text := range p.Stores {
		name, _, _ := strings.Cut(text, "=")
		all = append(all, name)
	}
	return all
}

// contradictions finds options of read models that don't go together.
func (p *Projections) contradictions(wrong func(path, value, allowed string)) {
	given := p.Given()
	for _, text := range p.Stores {
		name, store, _ := strings.Cut(text, "=")
		if name == "" || !slices.Contains(given, store) {
			wrong("projections.stores", text, "name=store, the store one of those that are given: "+
				strings.Join(given, ", "))
		}
	}
	if p.Postgres.URL != "" && p.Postgres.URLFile != "" {
		wrong("projections.postgres.url-file", p.Postgres.URLFile, "empty while there is a url")
	}
	for _, address := range p.OpenSearch.Addresses {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			wrong("projections.opensearch.addresses", address, "a URL such as http://localhost:9200")
		}
	}
	for _, address := range p.Redis.Addresses {
		if !isAddress(address) {
			wrong("projections.redis.addresses", address, "host:port, such as localhost:6379")
		}
	}
}
