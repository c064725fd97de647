package opensearch

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"
)

// Options say which OpenSearch it is, and bound what is asked of it.
type Options struct {
	// Addresses are URLs of nodes, such as https://search-1:9200. Requests go to one; when that does not
	// answer, the next ones go to the next. Required.
	Addresses []string
	// User and Password are for basic authentication. Empty: there is none.
	User, Password string
	// TLS is for https addresses. Nil: the system's certificates.
	TLS *tls.Config
	// Prefix begins the names of all indices and aliases: lower-case letters, digits, dots, - and _. Empty:
	// none.
	Prefix string
	// Timeout bounds each request. Zero: 30 s.
	Timeout time.Duration
	// BulkBytes is where a request is full and the next one begins. A row that is larger is sent alone. Zero:
	// 5 MiB.
	BulkBytes int
	// Shards is how many primary shards a new index has. Zero: 1.
	Shards int
	// Tombstones is how long OpenSearch remembers that a row was deleted: see the package's documentation. A
	// write takes half of it at most. Zero: 10 minutes.
	Tombstones time.Duration
}

const (
	defaultTimeout    = 30 * time.Second
	defaultBulkBytes  = 5 << 20
	defaultTombstones = 10 * time.Minute

	maxPrefixBytes = 64
	maxBulkBytes   = 64 << 20
	maxShards      = 1_000
	minTombstones  = 10 * time.Second
)

var prefixForm = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*)?$`)

// checked returns the options with defaults, or all that is wrong with them.
func (o Options) checked() (Options, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(o.Addresses) == 0 {
		wrong("no addresses; give at least one, such as http://localhost:9200")
	}
	for i, address := range o.Addresses {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			wrong("address %d is %q; it must be a URL such as http://localhost:9200", i+1, address)
		}
	}
	if (o.User == "") != (o.Password == "") {
		wrong("user and password must be given both, or none of them")
	}
	if len(o.Prefix) > maxPrefixBytes || !prefixForm.MatchString(o.Prefix) {
		wrong("the prefix is %q; it must be of lower-case letters, digits, dots, - and _, begin with a "+
			"letter or a digit, and have %d characters at most", o.Prefix, maxPrefixBytes)
	}
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	o.BulkBytes = cmp.Or(o.BulkBytes, defaultBulkBytes)
	o.Shards = cmp.Or(o.Shards, 1)
	o.Tombstones = cmp.Or(o.Tombstones, defaultTombstones)
	if o.Timeout < 0 {
		wrong("the timeout is %v; it must be positive", o.Timeout)
	}
	if o.BulkBytes < 0 || o.BulkBytes > maxBulkBytes {
		wrong("bulk requests are of %d bytes; that must be positive, and %d at most", o.BulkBytes,
			maxBulkBytes)
	}
	if o.Shards < 0 || o.Shards > maxShards {
		wrong("there are %d shards; it must be from 1 to %d", o.Shards, maxShards)
	}
	if o.Tombstones < minTombstones {
		wrong("deletions are remembered for %v; that must be %v at least", o.Tombstones, minTombstones)
	}
	return o, errors.Join(errs...)
}

// writeWithin is how long a write may take, from reading the progress to the last request.
func (o Options) writeWithin() time.Duration { return o.Tombstones / 2 }
