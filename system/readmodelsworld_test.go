//go:build system

package system_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/projections/postgres/postgrestest"
	"refold/system/realkafka"
	"refold/system/realstores"
	"refold/system/rows"
)

// The stores, by the names of the configuration.
const (
	inPostgres = "postgres"
	inSQLite   = "sqlite"
	inRedis    = "redis"
	inSearch   = "opensearch"
)

// storeOf is where each read model is.
var storeOf = map[string]string{
	"accounts_current": inPostgres, "account_statement": inPostgres, "customer_orders": inPostgres,
	"orders_by_status": inSQLite, "account_card": inRedis, "order_search": inSearch,
}

// tablesOf are the tables in each store.
var tablesOf = map[string][]string{
	inPostgres: {
		"accounts_current", "account_statement", "account_months", "account_holders", "customers",
		"customer_orders",
	},
	inSQLite: {"orders_by_status"}, inRedis: {"account_card"}, inSearch: {"order_search"},
}

// readModels is an installation with all read models, each in a store of a kind that users have.
type readModels struct {
	*installation
	random *rand.Rand

	postgres *postgrestest.Server
	url      string // of its database
	redis    *realstores.Redis
	search   *realstores.OpenSearch
	sqlite   string
	starting errgroup.Group // what comes back in the background

	projectors []*worker
	killed     int // which of them was killed last
	load       *realkafka.Process
	client     *kgo.Client
	admin      *kadm.Client
	cards      *goredis.Client
	watches    map[string]*rows.Watch
	rebuilt    map[string]int // builds that were begun last
	backedUp   int64          // the progress that the backup of Postgres has at least
}

// The load: so many commands a second of so many accounts.
const (
	readModelsRate     = 120
	readModelsAccounts = 300
)

// newReadModels starts everything.
func newReadModels(t *testing.T) *readModels {
	t.Helper()
	seed := uint64(numberOf(t, seedVariable, int(time.Now().UnixNano()%1_000_000)))
	t.Logf("%s=%d makes the same schedule again", seedVariable, seed)
	m := &readModels{
		random: rand.New(rand.NewPCG(seed, 0)), sqlite: filepath.Join(t.TempDir(), "read-models.db"),
		watches: make(map[string]*rows.Watch), rebuilt: make(map[string]int),
	}
	m.installation = install(t, startCluster(t, 2), "readmodels.")
	if err := m.startStores(t).Wait(); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env,
		"REFOLD_VIEWS_ENABLED=false", "REFOLD_PROCESSOR_BACKOFF_MAX=500ms", "REFOLD_PROJECTIONS_RUN=false",
		"REFOLD_PROJECTIONS_POSTGRES_URL="+m.url,
		"REFOLD_PROJECTIONS_SQLITE_PATH="+m.sqlite,
		"REFOLD_PROJECTIONS_REDIS_ADDRESSES="+m.redis.Address(),
		"REFOLD_PROJECTIONS_OPENSEARCH_ADDRESSES="+m.search.URL(),
		"REFOLD_PROJECTIONS_STORES=orders_by_status="+inSQLite,
		// More batches to be killed in.
		"REFOLD_PROJECTIONS_BATCH_RECORDS=1000")
	var err error
	if m.client, err = kgo.NewClient(kgo.SeedBrokers(m.cluster.brokers()...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.client.Close)
	m.admin = kadm.NewClient(m.client)
	m.cards = goredis.NewClient(&goredis.Options{Addr: m.redis.Address(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = m.cards.Close() })

	m.run(0, "topics", "apply")
	m.run(0, "schemas", "register")
	w := m.worker("worker")
	w.start()
	w.isReady()
	m.load = m.background("load", "load", "--via", "topic", "--rate", fmt.Sprint(readModelsRate),
		"--accounts", fmt.Sprint(readModelsAccounts), "--order-share", "0.5", "--order-delay", "50ms",
		"--name", "rm", "--seed", fmt.Sprint(seed))
	for _, name := range []string{"a", "b"} {
		p := m.projector(name)
		m.projectors = append(m.projectors, p)
		p.start()
	}
	return m
}

// startStores starts the servers of the stores at the same time. They end with the test.
func (m *readModels) startStores(t *testing.T) *errgroup.Group {
	t.Helper()
	dir := func(name string) string {
		path := filepath.Join(servers.dir, "readmodels-"+name)
		if err := os.MkdirAll(path, 0o750); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ofRedis, ofSearch := dir("redis"), dir("opensearch")
	// The first start downloads.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	var all errgroup.Group
	all.Go(func() (err error) {
		if m.postgres, err = postgrestest.Start(ctx, "fsync=off"); err == nil {
			m.url, err = m.postgres.Create(ctx, "readmodels")
		}
		return err
	})
	all.Go(func() (err error) {
		m.redis, err = realstores.StartRedis(ctx, realstores.RedisOptions{Dir: ofRedis, Persistent: true})
		return err
	})
	all.Go(func() (err error) {
		m.search, err = realstores.StartOpenSearch(ctx, ofSearch)
		return err
	})
	t.Cleanup(func() {
		cancel()
		_ = all.Wait() // the test has the error
		_ = m.starting.Wait()
		if m.postgres != nil {
			_ = m.postgres.Close() // its folder is below that of all temporary files
		}
		if m.redis != nil {
			m.redis.Kill()
		}
		if m.search != nil {
			m.search.Kill()
		}
	})
	return &all
}

// names returns those of all read models.
func (m *readModels) names() []string { return slices.Sorted(maps.Keys(storeOf)) }

// live returns the numbers of the builds that are live.
func (m *readModels) live() map[string]int {
	m.t.Helper()
	all := make(map[string]int)
	for line := range strings.Lines(m.run(0, "project", "builds", "--json", "--log.level", "error")) {
		var build struct {
			Projection, Status string
			Build              int
		}
		if err := json.Unmarshal([]byte(line), &build); err != nil {
			m.t.Fatalf("%s: %v", line, err)
		}
		if build.Status == "live" {
			all[build.Projection] = build.Build
		}
	}
	return all
}

// untilLive waits until all read models have a build that is live; those that are given, that one.
func (m *readModels) untilLive(builds map[string]int) {
	m.t.Helper()
	eventually(m.t, 5*time.Minute, func(context.Context) error {
		live := m.live()
		for _, name := range m.names() {
			if number := builds[name]; live[name] == 0 || number != 0 && live[name] != number {
				return fmt.Errorf("of %s, build %d is live; wanted is %d", name, live[name], number)
			}
		}
		return nil
	})
}

// begins is what the command rebuild says.
var begins = regexp.MustCompile(`build (\d+) of (\w+) begins`)

// rebuild begins a build of each read model, which takes over by itself.
func (m *readModels) rebuild() {
	m.t.Helper()
	m.allStarted()
	for _, name := range m.names() {
		printed := m.run(0, "project", "rebuild", name)
		found := begins.FindStringSubmatch(printed)
		if len(found) != 3 || found[2] != name {
			m.t.Fatalf("rebuild %s: %s", name, printed)
		}
		m.rebuilt[name], _ = strconv.Atoi(found[1]) // it is a number
	}
}

// untilRebuilt waits until the builds that were begun last are live.
func (m *readModels) untilRebuilt() {
	m.t.Helper()
	m.allStarted()
	m.untilLive(m.rebuilt)
}

// allStarted waits for what comes back in the background.
func (m *readModels) allStarted() {
	m.t.Helper()
	if err := m.starting.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

// leastAccounts is how many accounts there are when readers begin.
const leastAccounts = readModelsAccounts / 3

// watch lets readers look at all stores until the test ends.
func (m *readModels) watch() {
	m.t.Helper()
	open := func(driver, source string) *sql.DB {
		database, err := sql.Open(driver, source)
		if err != nil {
			m.t.Fatal(err)
		}
		m.t.Cleanup(func() { _ = database.Close() })
		return database
	}
	postgres := open(rows.Postgres, m.url)
	var ids []string
	eventually(m.t, time.Minute, func(ctx context.Context) error {
		got, err := rows.OfDatabase(ctx, rows.Postgres, m.url, "accounts_current")
		ids = slices.Sorted(maps.Keys(got["accounts_current"]))
		if err == nil && len(ids) < leastAccounts {
			err = fmt.Errorf("there are %d accounts; %d are looked at", len(ids), leastAccounts)
		}
		return err
	})
	for store, look := range map[string]rows.Look{
		inPostgres: rows.Accounts(postgres),
		inSQLite: rows.Orders(open(rows.SQLite,
			"file:"+m.sqlite+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")),
		inRedis:  rows.Cards(m.cards, m.prefix, ids),
		inSearch: rows.Search(m.search.URL(), m.prefix),
	} {
		w := rows.NewWatch(look)
		m.watches[store] = w
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.Run(ctx)
		}()
		m.t.Cleanup(func() {
			cancel()
			<-ended
		})
	}
}

// read returns all rows of a store, and the names of its tables.
type read func(context.Context) (rows.Tables, []string, error)

// reads returns how each store is read.
func (m *readModels) reads() map[string]read {
	of := func(store string, get func(context.Context) (rows.Tables, error)) read {
		return func(ctx context.Context) (rows.Tables, []string, error) {
			got, err := get(ctx)
			return got, tablesOf[store], err
		}
	}
	return map[string]read{
		inPostgres: of(inPostgres, func(ctx context.Context) (rows.Tables, error) {
			return rows.OfDatabase(ctx, rows.Postgres, m.url, tablesOf[inPostgres]...)
		}),
		inSQLite: of(inSQLite, func(ctx context.Context) (rows.Tables, error) {
			return rows.OfDatabase(ctx, rows.SQLite, m.sqlite, tablesOf[inSQLite]...)
		}),
		inRedis: of(inRedis, func(ctx context.Context) (rows.Tables, error) {
			return rows.OfRedis(ctx, m.cards, m.prefix, "account_card")
		}),
		inSearch: of(inSearch, func(ctx context.Context) (rows.Tables, error) {
			return rows.OfOpenSearch(ctx, m.search.URL(), m.prefix, "order_search")
		}),
	}
}
