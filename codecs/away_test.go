package codecs_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
)

// cachedIn keeps what the registry says in a directory. The registry is asked again at once, or never.
func cachedIn(dir string) func(*codecs.RegistrySettings) {
	return func(s *codecs.RegistrySettings) {
		s.Cache = codecs.CacheSettings{Directory: dir, AskAgain: time.Hour}
	}
}

func askingAgain(s *codecs.RegistrySettings) { s.Cache.AskAgain = time.Millisecond }

// goAway lets a registry answer nothing, until it comes back.
func goAway(s *srfake.Registry) {
	answering(s, http.StatusServiceUnavailable, "no backend")
}

func comeBack(s *srfake.Registry) { s.ClearInterceptors() }

const (
	isAway      = "the schema registry is away"
	answersNow  = "the schema registry answers again"
	restoredOld = "restored from an older backup"
)

// older and newest are two versions of an event, of which the second refers to another schema.
const (
	older = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
		{"name": "reason", "type": "string"}, {"name": "fee", "type": "long", "default": 0}]}`
	newest = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
		{"name": "reason", "type": "string"}, {"name": "price", "type": ["null", "bank.Money"]}]}`
	money = `{"type": "record", "name": "Money", "namespace": "bank", "fields": [
		{"name": "cents", "type": "long"}]}`
)

// history puts versions of an event into a registry, as other programs would, and returns a record of each.
func history(t *testing.T, s *srfake.Registry) (records [][]byte) {
	t.Helper()
	if err := s.SetCompat("bank.Closed", sr.CompatNone); err != nil {
		t.Fatal(err)
	}
	id := register(t, s, "bank.Closed", older)
	records = append(records, append(codecs.AppendWireHeader(nil, id), 2, 'x', 8))
	register(t, s, "money", money)
	id, _, err := s.RegisterSchema("bank.Closed", sr.Schema{
		Schema:     newest,
		References: []sr.SchemaReference{{Name: "bank.Money", Subject: "money", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(records, append(codecs.AppendWireHeader(nil, id), 2, 'x', 2, 8))
}

// work does all that a worker asks the registry for.
func work(t *testing.T, r *codecs.Registry, records [][]byte) error {
	t.Helper()
	set, err := codecs.NewSet(r, codecs.Record[Closed](closedSchema))
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Prepare(t.Context()); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if err := set.CheckVersions(t.Context()); err != nil {
		return fmt.Errorf("check versions: %w", err)
	}
	encoded, err := set.Encode(Closed{"x"})
	if err != nil {
		return err
	}
	for _, record := range append(records, encoded) {
		decoded, err := set.Decode(t.Context(), record)
		if err != nil {
			return fmt.Errorf("decode: %w", err)
		}
		if decoded != (Closed{"x"}) {
			t.Errorf("decoded %v", decoded)
		}
	}
	return nil
}

// Given a worker that has worked once, when the registry is away, then a new one works from the cache; and
// without a cache, or with a new one, it waits.
func TestAWorkerStartsWhileTheRegistryIsAway(t *testing.T) {
	for _, mode := range []codecs.Mode{codecs.Register, codecs.LookUp} {
		for name, test := range map[string]struct {
			first, second string
			starts        bool
		}{
			"with the cache":       {"cache", "cache", true},
			"without a cache":      {"", "", false},
			"with another cache":   {"cache", "other", false},
			"its cache turned off": {"cache", "", false},
		} {
			t.Run(string(mode)+" "+name, func(t *testing.T) {
				s, dir := server(t), t.TempDir()
				records := history(t, s)
				register(t, s, "bank.Closed", closedSchema)
				start := func(cache string) *codecs.Registry {
					return client(t, s.URL(), func(s *codecs.RegistrySettings) {
						s.Mode = mode
						if cache != "" {
							cachedIn(dir + "/" + cache)(s)
						}
					})
				}
				first := start(test.first)
				if err := work(t, first, records); err != nil {
					t.Fatal(err)
				}
				first.Close()
				goAway(s)
				err := work(t, start(test.second), records)
				if starts := err == nil; starts != test.starts {
					t.Errorf("got %v", err)
				}
				if !test.starts && !errors.Is(err, codecs.ErrRegistryUnavailable) {
					t.Errorf("got %v, want ErrRegistryUnavailable", err)
				}
			})
		}
	}
}

// A worker whose own schema is another revision of a registered one starts, too: that the registry does not
// have its schema is an answer.
func TestAnotherRevisionStartsWhileTheRegistryIsAway(t *testing.T) {
	s, dir := server(t), t.TempDir()
	revision := func(n int) codecs.Type {
		return codecs.RecordOf[Closed](codecs.StructOptions{Namespace: "bank", Revision: n})
	}
	register(t, s, "bank.Closed", mustSet(t, client(t, s.URL()), revision(1)).SchemaText("Closed"))
	for _, away := range []bool{false, true} {
		if away {
			goAway(s)
		}
		r := client(t, s.URL(), lookUp, cachedIn(dir))
		if err := mustSet(t, r, revision(2)).Prepare(t.Context()); err != nil {
			t.Errorf("away %v: %v", away, err)
		}
		r.Close()
	}
}

func mustSet(t *testing.T, r *codecs.Registry, types ...codecs.Type) *codecs.Set {
	t.Helper()
	s, err := codecs.NewSet(r, types...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// filled returns the directory of a cache that knows history, of a registry that is away now.
func filled(t *testing.T, s *srfake.Registry) (dir string, records [][]byte) {
	t.Helper()
	dir, records = t.TempDir(), history(t, s)
	r := client(t, s.URL(), cachedIn(dir))
	if err := work(t, r, records); err != nil {
		t.Fatal(err)
	}
	r.Close()
	goAway(s)
	return dir, records
}

func TestWhatTheCacheLacksIsNamed(t *testing.T) {
	s := server(t)
	dir, _ := filled(t, s)
	r := client(t, s.URL(), cachedIn(dir))
	_, err := r.Schema(t.Context(), 99)
	wantMissing(t, err, "schema 99")
	err = mustSet(t, r, codecs.Record[Deposited](depositedSchema)).Prepare(t.Context())
	wantMissing(t, err, "the ID of a schema of subject bank.Deposited")
}

func wantMissing(t *testing.T, err error, what string) {
	t.Helper()
	named := err != nil && strings.Contains(err.Error(), "the cache on disk has no answer for "+what)
	if !errors.Is(err, codecs.ErrRegistryUnavailable) || !named {
		t.Errorf("got %v, want ErrRegistryUnavailable that names %s", err, what)
	}
}

// A registry that is away is asked once, whatever the cache answers then: each request may take a timeout.
// One line is logged, and a metric shows it.
func TestARegistryThatIsAwayIsLeftAlone(t *testing.T) {
	s := server(t)
	dir, records := filled(t, s)
	comeBack(s)
	requests := counted(s)
	goAway(s)
	var log logged
	reg := prometheus.NewRegistry()
	metrics := codecs.NewMetrics(reg)
	r := client(t, s.URL(), cachedIn(dir), log.settings,
		func(s *codecs.RegistrySettings) { s.Metrics = metrics })
	if err := work(t, r, records); err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	if n, all := log.lines(isAway), log.lines("level="); n != 1 || all != 1 {
		t.Errorf("%d lines of %d, want one:\n%s", n, all, log.text.String())
	}
	if v := value(t, reg, "refold_registry_cached"); v != 1 {
		t.Errorf("the metric is %v, want 1", v)
	}
	r.Close()
	if v := value(t, reg, "refold_registry_cached"); v != 0 {
		t.Errorf("the metric is %v, want 0", v)
	}
}

// When the registry answers again, it is asked what the cache has answered. A registry that says something
// else about what never changes was restored from an old backup, or is another one.
func TestTheRegistryIsAskedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile    func(*testing.T, *srfake.Registry)
		says         string
		contradicted bool
	}{
		"nothing has changed": {func(*testing.T, *srfake.Registry) {}, answersNow, false},
		"there is a new version": {func(t *testing.T, s *srfake.Registry) {
			t.Helper()
			register(t, s, "bank.Closed", strings.ReplaceAll(older, "fee", "charge"))
		}, "says more than its cache did", false},
		"IDs were given anew": {func(t *testing.T, s *srfake.Registry) {
			t.Helper()
			s.Reset()
			register(t, s, "bank.Other", depositedSchema)
			register(t, s, "bank.Closed", older)
		}, restoredOld, true},
		"all is lost": {func(_ *testing.T, s *srfake.Registry) { s.Reset() }, restoredOld, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			dir, records := filled(t, s)
			var log logged
			reg := prometheus.NewRegistry()
			metrics := codecs.NewMetrics(reg)
			r := client(t, s.URL(), cachedIn(dir), askingAgain, lookUp, log.settings,
				func(s *codecs.RegistrySettings) { s.Metrics = metrics })
			if err := work(t, r, records); err != nil {
				t.Fatal(err)
			}
			if err := r.Contradiction(); err != nil {
				t.Errorf("while the registry is away: %v", err)
			}
			test.meanwhile(t, s)
			comeBack(s)
			log.await(t, answersNow)
			if log.lines(test.says) == 0 {
				t.Errorf("%q is not logged:\n%s", test.says, log.text.String())
			}
			contradicted := value(t, reg, "refold_registry_contradictions_total") > 0
			if contradicted != test.contradicted || (r.Contradiction() != nil) != test.contradicted {
				t.Errorf("contradicted %v: %v", contradicted, r.Contradiction())
			}
			if v := value(t, reg, "refold_registry_cached"); v != 0 {
				t.Errorf("the metric is %v, want 0", v)
			}
			r.Close()
			if file := string(mustRead(t, cacheFile(dir))); !strings.Contains(file, "fee") {
				t.Error("the cache has lost what the registry had before")
			}
		})
	}
}

// The registry's last answer counts: a schema that it no longer has is not in the cache either.
func TestTheRegistrysWordCounts(t *testing.T) {
	s := server(t)
	dir, records := filled(t, s)
	comeBack(s)
	s.Reset()
	r := client(t, s.URL(), lookUp, cachedIn(dir))
	if err := work(t, r, records); !errors.Is(err, codecs.ErrSchemaNotFound) {
		t.Fatalf("got %v, want ErrSchemaNotFound", err)
	}
	if _, err := r.Schema(t.Context(), 1); !errors.Is(err, codecs.ErrSchemaNotFound) {
		t.Fatalf("got %v, want ErrSchemaNotFound", err)
	}
	r.Close()
	goAway(s)
	r = client(t, s.URL(), cachedIn(dir))
	if _, err := r.Schema(t.Context(), 1); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
	// A record is never poison by what the cache knows: the registry may have got the schema since.
	if _, err := r.Schema(t.Context(), 77); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

// A registry that refuses is not away: somebody must act, or has acted.
func TestTheCacheDoesNotHideARefusal(t *testing.T) {
	s := server(t)
	dir, records := filled(t, s)
	comeBack(s)
	answering(s, http.StatusForbidden, `{"error_code": 403}`)
	err := work(t, client(t, s.URL(), cachedIn(dir)), records)
	if !errors.Is(err, codecs.ErrRegistryRefused) {
		t.Errorf("got %v, want ErrRegistryRefused", err)
	}
}

// The cache of another registry is not used. A registry is known by any of its servers.
func TestTheCacheIsOfOneRegistry(t *testing.T) {
	for name, test := range map[string]struct {
		urls   func(url string) []string
		starts bool
	}{
		"another":          {func(string) []string { return []string{"http://localhost:1"} }, false},
		"another path":     {func(url string) []string { return []string{url + "/test"} }, false},
		"one more server":  {func(url string) []string { return []string{"http://localhost:1", url} }, true},
		"a slash more":     {func(url string) []string { return []string{url + "/"} }, true},
		"in other letters": {func(url string) []string { return []string{strings.ToUpper(url)} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			dir, records := filled(t, s)
			var log logged
			r := client(t, "", cachedIn(dir), log.settings,
				func(settings *codecs.RegistrySettings) { settings.URLs = test.urls(s.URL()) })
			err := work(t, r, records)
			if starts := err == nil; starts != test.starts {
				t.Errorf("got %v", err)
			}
			if told := log.lines("it is of another registry") > 0; told == test.starts {
				t.Errorf("logged:\n%s", log.text.String())
			}
		})
	}
}
