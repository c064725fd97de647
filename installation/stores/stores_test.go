package stores_test

import (
	"encoding/pem"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"refold/config"
	"refold/installation"
	"refold/installation/stores"
	"refold/processors"
	"refold/projections"
)

// settings are those of a configuration.
type settings map[string]string

func (s settings) with(others settings) settings {
	all := maps.Clone(s)
	maps.Copy(all, others)
	return all
}

// install returns an installation without definitions.
func install(t *testing.T, s settings) *installation.Installation {
	t.Helper()
	loaded, err := installation.Options(processors.Definitions{}).Load(config.LoadOptions{Defaults: s})
	if err != nil {
		t.Fatal(err)
	}
	return &installation.Installation{Config: loaded.Config}
}

// open opens the stores, and closes them when the test ends.
func open(t *testing.T, s settings) *stores.Stores {
	t.Helper()
	all, err := stores.Open(install(t, s), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := all.Close(); err != nil {
			t.Error(err)
		}
	})
	return all
}

// file writes a file, and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Nobody listens at these: stores are connected to when they are used.
var (
	inPostgres = settings{"projections.postgres.url": "postgres://refold@127.0.0.1:1/db"}
	inSearch   = settings{"projections.opensearch.addresses": "http://127.0.0.1:1"}
	inRedis    = settings{"projections.redis.addresses": "127.0.0.1:1"}
)

func TestWhereAProjectionGoes(t *testing.T) {
	inSQLite := settings{"projections.sqlite.path": filepath.Join(t.TempDir(), "read-models.db")}
	every := inPostgres.with(inSQLite).with(inSearch).with(inRedis)
	for name, c := range map[string]struct {
		settings settings
		want     string // of a table, a search and a cache; -: none
	}{
		"no store":           {settings{}, "- - -"},
		"a file":             {inSQLite, "sqlite sqlite sqlite"},
		"a server":           {inPostgres, "postgres postgres postgres"},
		"both: the server":   {inPostgres.with(inSQLite), "postgres postgres postgres"},
		"a search":           {inSearch, "- opensearch -"},
		"a cache":            {inRedis, "- - redis"},
		"a file and a cache": {inSQLite.with(inRedis), "sqlite sqlite redis"},
		"all":                {every, "postgres opensearch redis"},
		"chosen": {
			every.with(settings{"projections.stores": "table=sqlite,cache=postgres"}),
			"sqlite opensearch postgres",
		},
		"some only": {every.with(settings{"projections.only": "cache,table"}), "postgres - redis"},
		"chosen, but left out": {
			every.with(settings{"projections.only": "table", "projections.stores": "cache=redis"}),
			"postgres - -",
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := open(t, c.settings)
			var found []string
			for _, p := range []projections.Projection{
				{Name: "table"},
				{Name: "search", Kind: projections.Search},
				{Name: "cache", Kind: projections.Cache},
			} {
				in, store := all.Of(&p)
				if (in == "") != (store == nil) {
					t.Errorf("%s is in %q, which is %v", p.Name, in, store)
				}
				if in == "" {
					in = "-"
				}
				found = append(found, in)
				if search := all.Search(&p); (search != nil) != (in == config.StoreOpenSearch) {
					t.Errorf("%s is in %s, and its OpenSearch is %+v", p.Name, in, search)
				}
			}
			if got := strings.Join(found, " "); got != c.want {
				t.Errorf("they go to %s; they must go to %s", got, c.want)
			}
		})
	}
}

func TestPathOfSQLite(t *testing.T) {
	directory := t.TempDir()
	path := settings{"projections.sqlite.path": "read-models.db", "store.directory": directory}
	for want, s := range map[string]settings{
		filepath.Join(directory, "read-models.db"):      path,
		filepath.Join(directory, "shop-read-models.db"): path.with(settings{"topics.prefix": "shop-"}),
		"/var/read-models.db": path.with(settings{
			"topics.prefix": "shop-", "projections.sqlite.path": "/var/read-models.db",
		}),
	} {
		if got, err := stores.Path(install(t, s)); err != nil || got != want {
			t.Errorf("the file is %q (%v); it must be %q", got, err, want)
		}
	}
	table := &projections.Projection{Name: "table"}
	_, store := open(t, path).Of(table)
	if builds, err := store.Builds(t.Context(), table.Name); err != nil || len(builds) > 0 {
		t.Fatalf("a new file has %v, %v", builds, err)
	}
	if _, err := os.Stat(filepath.Join(directory, "read-models.db")); err != nil {
		t.Error(err)
	}
}

func TestMistakesNameTheOption(t *testing.T) {
	removed := file(t, "there when the configuration is checked, and gone when it is read")
	for name, c := range map[string]struct {
		settings settings
		says     []string
	}{
		"no directory": {
			settings{"projections.sqlite.path": "a.db", "store.directory": ""},
			[]string{"projections.sqlite", "path is relative", "store.directory"},
		},
		"no URL": {
			settings{"projections.postgres.url": "postgres://refold:secret@[::1/x"},
			[]string{"projections.postgres"},
		},
		"no file of the URL": {
			settings{"projections.postgres.url-file": removed},
			[]string{"projections.postgres.url-file", removed},
		},
		"no file of a password": {
			inRedis.with(settings{"projections.redis.password-file": removed}),
			[]string{"projections.redis.password-file", removed},
		},
		"an empty password": {
			inSearch.with(settings{"projections.opensearch.password-file": file(t, "\n")}),
			[]string{"projections.opensearch.password-file", "it is empty"},
		},
		"no certificates of a search": {
			inSearch.with(settings{"projections.opensearch.tls.ca-file": removed}),
			[]string{"projections.opensearch", "tls.ca-file", removed},
		},
		"no certificates of a cache": {
			inRedis.with(settings{
				"projections.redis.tls.enabled": "true", "projections.redis.tls.ca-file": file(t, "no PEM"),
			}),
			[]string{"projections.redis", "tls.ca-file", "no PEM certificate"},
		},
		"a user alone": {
			inRedis.with(settings{"projections.redis.username": "refold"}),
			[]string{"projections.redis", "no password"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := install(t, c.settings)
			if slices.Contains(c.says, removed) {
				if err := os.Rename(removed, removed+"-gone"); err != nil {
					t.Fatal(err)
				}
				defer os.Rename(removed+"-gone", removed) //nolint:errcheck // the next case would say so
			}
			all, err := stores.Open(in, slog.New(slog.DiscardHandler))
			if err == nil {
				t.Fatalf("the stores are opened: %v", all.Close())
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error %q has the password", err)
			}
		})
	}
}

// A search that is reached by TLS knows us by a password from a file, and has indices with our prefix.
func TestSearchWithPasswordAndTLS(t *testing.T) {
	var asked []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		asked = append(asked, user+":"+password+" "+r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"error": {"type": "index_not_found_exception"}, "status": 404}`))
	}))
	t.Cleanup(server.Close)
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	given := settings{
		"projections.opensearch.addresses": server.URL, "projections.opensearch.username": "refold",
		"projections.opensearch.password-file": file(t, "secret\n"), "topics.prefix": "shop-",
	}
	p := &projections.Projection{Name: "search", Kind: projections.Search}
	_, store := open(t, given).Of(p)
	if _, err := store.Builds(t.Context(), p.Name); err == nil || len(asked) > 0 {
		t.Errorf("a server of an authority that nobody trusts was asked %v", asked)
	}
	all := open(t, given.with(settings{"projections.opensearch.tls.ca-file": file(t, string(trusted))}))
	_, store = all.Of(p)
	if _, err := store.Builds(t.Context(), p.Name); err != nil {
		t.Fatal(err)
	}
	for _, is := range asked {
		if !strings.HasPrefix(is, "refold:secret /shop-") {
			t.Errorf("the server was asked %s", is)
		}
	}
	o := all.Search(p)
	if len(asked) == 0 || o.User != "refold" || o.Password != "secret" || o.Prefix != "shop-" ||
		o.TLS == nil {
		t.Errorf("the server was asked %d times; it is reached by %+v", len(asked), o)
	}
}

// A cache knows us by a password from a file.
func TestCacheWithPassword(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireAuth("secret")
	given := settings{"projections.redis.addresses": server.Addr()}
	p := &projections.Projection{Name: "cache", Kind: projections.Cache}
	_, store := open(t, given).Of(p)
	if _, err := store.Builds(t.Context(), p.Name); err == nil {
		t.Error("a server that asks for a password has answered without")
	}
	_, store = open(t, given.with(settings{"projections.redis.password-file": file(t, "secret\n")})).Of(p)
	if _, err := store.Builds(t.Context(), p.Name); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "read-models.db")
	server := miniredis.RunT(t)
	all, err := stores.Open(install(t, settings{
		"projections.sqlite.path": path, "projections.redis.addresses": server.Addr(),
	}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	each := []projections.Projection{{Name: "table"}, {Name: "cache", Kind: projections.Cache}}
	for _, wanted := range []bool{true, false} {
		for _, p := range each {
			in, store := all.Of(&p)
			if _, err := store.Builds(t.Context(), p.Name); (err == nil) != wanted {
				t.Errorf("that %s answers must be %v; its error is %v", in, wanted, err)
			}
		}
		if wanted {
			if err := all.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
