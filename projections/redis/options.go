package redis

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Options say which Redis it is, and bound what is asked of it.
type Options struct {
	// Addresses are host:port of the server; of some nodes, if Cluster is set; or of the sentinels, if
	// Sentinel is set. Required.
	Addresses []string
	// Cluster says that it is a Redis Cluster.
	Cluster bool
	// Sentinel is the name of the master that sentinels watch. Empty: there are none.
	Sentinel string
	// Database is the number of the database. A cluster has number 0 only.
	Database int
	// User and Password are those of the ACL. An empty user with a password is the default user.
	User, Password string
	// TLS encrypts the connections. Nil: they are not.
	TLS *tls.Config
	// Prefix begins all keys, within the hash tag. Empty: "refold:".
	Prefix string
	// Timeout bounds connecting, and each command. Zero: 5 s.
	Timeout time.Duration
	// Connections is how many this process opens to a node at most. Zero: 16.
	Connections int
	// BatchRows is how many rows and states a batch should have at most: see [Store.BatchRows]. Zero: 2,000.
	BatchRows int
}

const (
	defaultPrefix      = "refold:"
	defaultTimeout     = 5 * time.Second
	defaultConnections = 16
	defaultBatchRows   = 2_000

	maxPrefixBytes = 64
	maxDatabase    = 1 << 20
	maxBatchRows   = 100_000
)

// checked returns the options with defaults, or all that is wrong with them.
func (o Options) checked() (Options, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(o.Addresses) == 0 {
		wrong("no addresses; give at least one, such as localhost:6379")
	}
	for i, address := range o.Addresses {
		if host, port, found := strings.Cut(address, ":"); !found || host == "" || port == "" {
			wrong("address %d is %q; it must be host:port, such as localhost:6379", i+1, address)
		}
	}
	switch {
	case o.Cluster && o.Sentinel != "":
		wrong("it can't be a cluster and have sentinels; set one of the two")
	case !o.Cluster && o.Sentinel == "" && len(o.Addresses) > 1:
		wrong("there are %d addresses, but it is no cluster and has no sentinels; give one", len(o.Addresses))
	}
	if o.Database < 0 || o.Database > maxDatabase || o.Cluster && o.Database != 0 {
		wrong("the database is %d; it must be from 0 to %d, and 0 in a cluster", o.Database, maxDatabase)
	}
	if o.User != "" && o.Password == "" {
		wrong("there is a user, but no password")
	}
	o.Prefix = cmp.Or(o.Prefix, defaultPrefix)
	if len(o.Prefix) > maxPrefixBytes || strings.ContainsAny(o.Prefix, "{} \t\r\n") {
		wrong("the prefix is %q; it must be of %d bytes at most, without spaces and braces", o.Prefix,
			maxPrefixBytes)
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.Connections = cmp.Or(o.Connections, defaultConnections)
	o.BatchRows = cmp.Or(o.BatchRows, defaultBatchRows)
	if o.Timeout < 0 || o.Connections < 0 || o.BatchRows < 0 || o.BatchRows > maxBatchRows {
		wrong("timeout, connections and batch rows are %v, %d and %d; they must be positive, the last one "+
			"at most %d", o.Timeout, o.Connections, o.BatchRows, maxBatchRows)
	}
	return o, errors.Join(errs...)
}

// client returns a client that does not try again by itself: a call that was answered by an error or not at
// all is the projector's to repeat.
func (o Options) client() goredis.UniversalClient {
	return goredis.NewUniversalClient(&goredis.UniversalOptions{
		Addrs: o.Addresses, IsClusterMode: o.Cluster, MasterName: o.Sentinel, DB: o.Database,
		Username: o.User, Password: o.Password, TLSConfig: o.TLS,
		DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, PoolTimeout: o.Timeout,
		ContextTimeoutEnabled: true, MaxRetries: -1, PoolSize: o.Connections,
		// RESP3 adds nothing that is of use here, and not every server speaks it.
		Protocol: 2, DisableIdentity: true,
	})
}
