//go:build system

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"
)

// How the watcher asks: it takes a tenth of one processor at most, so that the run is not about it.
const (
	looksWithin  = 5 * time.Second
	leastBetween = 100 * time.Millisecond
	mostBetween  = 2 * time.Second
	restShare    = 9 // times as long as it has looked
	// mostFindings is how many findings are told: one that stays would be found again and again.
	mostFindings = 10
)

// watcher reads the read models all the time as their readers do, through builds that take over from one
// another, servers that are killed and workers that are. What a reader has been shown must never go back: not
// a row that is missing, nor one of an earlier sequence. And the sums of each account must be those of its
// lines, in any one look.
type watcher struct {
	site  *site
	db    *sql.DB
	cache *goredis.Client
	seen  map[string]map[string]int64 // by read model and key: the newest that was shown

	looks, answered, found int
	stop                   context.CancelFunc
	done                   sync.WaitGroup
}

// startWatcher begins to read.
func (s *site) startWatcher() error {
	db, err := sql.Open("pgx", s.database())
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	w := &watcher{
		site: s, db: db, seen: make(map[string]map[string]int64),
		cache: goredis.NewClient(&goredis.Options{Addr: s.redis.Address(), MaxRetries: -1}),
	}
	goredis.SetLogger(noLog{}) // it would tell of each connection that is refused
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	s.watcher = w
	w.done.Go(func() { w.run(ctx) })
	return nil
}

// noLog is a logger that says nothing.
type noLog struct{}

// Printf says nothing.
func (noLog) Printf(context.Context, string, ...any) {}

// end stops reading, and says how it went. It may be called again, and of nil.
func (w *watcher) end() {
	if w == nil || w.stop == nil {
		return
	}
	w.stop()
	w.done.Wait()
	w.stop = nil
	_ = errors.Join(w.db.Close(), w.cache.Close()) // they have only read
	s := w.site
	s.say("read models were looked at %d times, and answered %d times: %d accounts, %d orders; %d findings",
		w.looks, w.answered, len(w.seen["accounts_current"]), len(w.seen["orders_by_status"]), w.found)
	if w.answered == 0 {
		s.problem("no look at a read model was answered")
	}
}

func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		begin := time.Now()
		w.look(ctx)
		pause(ctx, min(max(leastBetween, restShare*time.Since(begin)), mostBetween))
	}
}

// look asks each question once.
func (w *watcher) look(ctx context.Context) {
	for name, ask := range map[string]func(context.Context) (map[string]int64, error){
		"accounts_current": w.newest("SELECT account_id, sequence FROM accounts_current"),
		"orders_by_status": w.newest("SELECT order_id, sequence FROM orders_by_status"),
		"customers":        w.newest("SELECT account_id, sequence FROM customers"),
		"account_months":   w.statements,
		"account_card":     w.cards,
	} {
		within, cancel := context.WithTimeout(ctx, looksWithin)
		now, err := ask(within)
		cancel()
		if ctx.Err() != nil {
			return
		}
		w.looks++
		gone := isGone(err) && len(w.seen[name]) > 0
		if err != nil && !gone { // a server is away, or nothing is live yet
			continue
		}
		w.answered++
		w.compare(name, now)
	}
}

// compare finds what has gone back since the look before.
func (w *watcher) compare(name string, now map[string]int64) {
	before := w.seen[name]
	if before == nil {
		before = make(map[string]int64)
		w.seen[name] = before
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if now[key] < before[key] {
			w.finding("%s showed %s at %d, and then at %d of %d rows", name, key, before[key], now[key],
				len(now))
			delete(before, key) // it is told once
		}
	}
	for key, sequence := range now {
		before[key] = max(before[key], sequence)
	}
}

func (w *watcher) finding(format string, args ...any) {
	w.found++
	if w.found <= mostFindings {
		w.site.problem("a reader of read models: "+format, args...)
	}
}

// errNothing says that no build is live in the cache.
var errNothing = errors.New("no build is live")

// isGone reports whether the answer is that there is nothing to be read.
func isGone(err error) bool {
	const undefinedTable = "42P01"
	failed, is := errors.AsType[*pgconn.PgError](err)
	return is && failed.Code == undefinedTable || errors.Is(err, errNothing)
}

// newest returns a question for keys and sequences.
func (w *watcher) newest(query string) func(context.Context) (map[string]int64, error) {
	return func(ctx context.Context) (map[string]int64, error) {
		now := make(map[string]int64)
		err := w.query(ctx, query, func(rows *sql.Rows) error {
			var key string
			var sequence int64
			err := rows.Scan(&key, &sequence)
			now[key] = sequence
			return err //nolint:wrapcheck // query says what was asked
		})
		return now, err
	}
}

func (w *watcher) query(ctx context.Context, query string, each func(*sql.Rows) error) error {
	rows, err := w.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close() //nolint:errcheck // Err has said what there is to say
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}

// statements returns how many lines there are of each account. Its months must have as many bookings.
func (w *watcher) statements(ctx context.Context) (map[string]int64, error) {
	now := make(map[string]int64)
	err := w.query(ctx, `SELECT account_id, coalesce(l.n, 0), coalesce(l.total, 0), coalesce(m.n, 0),
			coalesce(m.total, 0)
		FROM (SELECT account_id, count(*) AS n, sum(amount)::bigint AS total
			FROM account_statement GROUP BY account_id) l
		FULL JOIN (SELECT account_id, sum(bookings)::bigint AS n, sum(credits - debits)::bigint AS total
			FROM account_months GROUP BY account_id) m USING (account_id)`, func(rows *sql.Rows) error {
		var account string
		var lines, total, bookings, sum int64
		if err := rows.Scan(&account, &lines, &total, &bookings, &sum); err != nil {
			return err //nolint:wrapcheck // query says what was asked
		}
		now[account] = lines
		if lines != bookings || total != sum {
			w.finding("%s has %d lines of %d together, and %d bookings of %d", account, lines, total,
				bookings, sum)
		}
		return nil
	})
	return now, err
}

// cardScript returns the sequences of cards of the build that is live, of one moment.
var cardScript = goredis.NewScript(`
local live = redis.call('GET', KEYS[1] .. ':.live')
if not live then
  return false
end
local all = {}
for i, id in ipairs(ARGV) do
  all[i] = tonumber(redis.call('HGET', KEYS[1] .. ':' .. live .. ':account_card:' .. id, 'sequence') or 0)
end
return all`)

// cards asks for the cards of all accounts that have been seen.
func (w *watcher) cards(ctx context.Context) (map[string]int64, error) {
	var ids []any
	for _, id := range slices.Sorted(maps.Keys(w.seen["accounts_current"])) {
		ids = append(ids, id)
	}
	sequences, err := cardScript.Run(ctx, w.cache, []string{"{refold:account_card}"}, ids...).Int64Slice()
	if errors.Is(err, goredis.Nil) {
		return nil, errNothing
	}
	if err != nil {
		return nil, fmt.Errorf("asking for cards: %w", err)
	}
	now := make(map[string]int64)
	for i, sequence := range sequences {
		if id, is := ids[i].(string); is && sequence > 0 {
			now[id] = sequence
		}
	}
	return now, nil
}
