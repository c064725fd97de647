package stores

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/logging"
	"refold/projections"
	"refold/projections/opensearch"
	"refold/projections/postgres"
	"refold/projections/redis"
	"refold/projections/sqlite"
)

// Stores are those that are given. None is connected to before it is used, so that they may be away at start.
type Stores struct {
	config config.Projections
	given  map[string]projections.Store // by the names of package config
	search *opensearch.Options
}

// Open opens the stores. Their client libraries log to the logger, as far as log.clients lets them. The error
// names the option that is wrong.
func Open(in *installation.Installation, logger *slog.Logger) (_ *Stores, err error) {
	c := in.Config.Projections
	s := &Stores{config: c, given: make(map[string]projections.Store)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, name := range c.Given() {
		switch name {
		case config.StorePostgres:
			err = s.openPostgres(c.Postgres)
		case config.StoreSQLite:
			err = s.openSQLite(c.SQLite, in)
		case config.StoreOpenSearch:
			err = s.openSearch(c.OpenSearch, in.Prefix())
		case config.StoreRedis:
			redis.LogTo(logging.Client(logger, in.Config.Log, "redis"))
			err = s.openRedis(c.Redis, in.Prefix())
		}
		if err != nil {
			return nil, fmt.Errorf("projections.%s: %w", name, err)
		}
	}
	return s, nil
}

func (s *Stores) openPostgres(c config.Postgres) error {
	url, err := kafka.SecretOrFile(c.URL, c.URLFile, "projections.postgres.url-file")
	if err != nil {
		return err //nolint:wrapcheck // it names the option
	}
	store, err := postgres.Open(url, postgres.Options{Connections: c.Connections})
	if err == nil {
		s.given[config.StorePostgres] = store
	}
	return err //nolint:wrapcheck // it says what is wrong with the URL
}

func (s *Stores) openSQLite(c config.SQLite, in *installation.Installation) error {
	path, err := Path(in)
	if err != nil {
		return err
	}
	store, err := sqlite.Open(path, sqlite.Options{Readers: c.Connections, BusyTimeout: c.BusyTimeout})
	if err == nil {
		s.given[config.StoreSQLite] = store
	}
	return err //nolint:wrapcheck // it names the file
}

// errNoDirectory says that there is no directory for a file.
var errNoDirectory = errors.New("path is relative, and store.directory is empty; give one of them")

// Path returns the file of SQLite.
func Path(in *installation.Installation) (string, error) {
	path, directory := in.Config.Projections.SQLite.Path, in.Config.Store.Directory
	switch {
	case filepath.IsAbs(path):
		return path, nil
	case directory == "":
		return "", errNoDirectory
	}
	return filepath.Join(directory, in.Prefix()+path), nil
}

func (s *Stores) openSearch(c config.OpenSearch, prefix string) error {
	password, err := kafka.SecretOrFile(c.Password, c.PasswordFile, "projections.opensearch.password-file")
	if err != nil {
		return err //nolint:wrapcheck // it names the option
	}
	certificates, err := tlsOf(c.TLS)
	if err != nil {
		return err
	}
	o := opensearch.Options{
		Addresses: c.Addresses, User: c.Username, Password: password, TLS: certificates, Prefix: prefix,
		Timeout: c.Timeout, BulkBytes: int(c.BulkBytes), Shards: c.Shards,
	}
	store, err := opensearch.New(o)
	if err == nil {
		s.given[config.StoreOpenSearch], s.search = store, &o
	}
	return err //nolint:wrapcheck // it lists what is wrong
}

func (s *Stores) openRedis(c config.Redis, prefix string) error {
	password, err := kafka.SecretOrFile(c.Password, c.PasswordFile, "projections.redis.password-file")
	if err != nil {
		return err //nolint:wrapcheck // it names the option
	}
	o := redis.Options{
		Addresses: c.Addresses, Cluster: c.Cluster, Sentinel: c.Sentinel, Database: c.Database,
		User: c.Username, Password: password, Timeout: c.Timeout, Connections: c.Connections,
	}
	if prefix != "" {
		o.Prefix = prefix
	}
	if c.TLS.Enabled {
		if o.TLS, err = tlsOf(c.TLS.StoreTLS); err != nil {
			return err
		}
	}
	store, err := redis.New(o)
	if err == nil {
		s.given[config.StoreRedis] = store
	}
	return err //nolint:wrapcheck // it lists what is wrong
}

func tlsOf(c config.StoreTLS) (*tls.Config, error) {
	return kafka.TLS{ //nolint:wrapcheck // it names the file
		Enabled: true, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile,
	}.Config()
}

// Of returns the store that a projection goes to, and its name: the one that the configuration says; or the
// one of its kind; or a database. The store is nil if there is none, or if projections.only leaves it out.
func (s *Stores) Of(p *projections.Projection) (string, projections.Store) {
	if len(s.config.Only) > 0 && !slices.Contains(s.config.Only, p.Name) {
		return "", nil
	}
	names := []string{config.StorePostgres, config.StoreSQLite}
	switch p.Kind {
	case projections.SQL:
	case projections.Search:
		names = append([]string{config.StoreOpenSearch}, names...)
	case projections.Cache:
		names = append([]string{config.StoreRedis}, names...)
	}
	if own := s.config.Store(p.Name); own != "" {
		names = []string{own}
	}
	for _, name := range names {
		if store := s.given[name]; store != nil {
			return name, store
		}
	}
	return "", nil
}

// Search returns how to reach the OpenSearch that a projection goes to; nil if it goes elsewhere.
func (s *Stores) Search(p *projections.Projection) *opensearch.Options {
	if name, _ := s.Of(p); name != config.StoreOpenSearch {
		return nil
	}
	return s.search
}

// Close closes all stores.
func (s *Stores) Close() error {
	errs := make([]error, 0, len(s.given))
	for name, store := range s.given {
		if err := store.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close the store %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
