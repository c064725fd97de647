package search

import (
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"refold/client"
	"refold/client/wire"
	"refold/console/frame"
)

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Get(ctx context.Context, aggregate, id string, g client.Get) (*client.Row, error)
	List(ctx context.Context, aggregate, after string) iter.Seq2[*client.Row, error]
	CommandsOf(ctx context.Context, commandID string, wait time.Duration) (*client.Namesakes, error)
	Trace(ctx context.Context, correlationID string) (*client.Trace, error)
}

// DeadLetters knows whether there is a dead letter at a place.
type DeadLetters interface {
	HasLetter(ctx context.Context, partition int32, offset int64) (bool, error)
}

// Texts finds aggregates by words. Supported is false if the program has no such index of the kind.
type Texts interface {
	Find(ctx context.Context, k Kind, words string) (ids []string, supported bool, err error)
}

// Kind is a kind of aggregate.
type Kind struct{ Name, Plural string }

const (
	// maxBytes limits what is searched for: no ID is longer.
	maxBytes = 1024
	// listed is how many hits of a kind are listed.
	listed = 10
	// searchTime limits each of the questions: one that takes longer counts as failed.
	searchTime = 5 * time.Second
)

type pages struct {
	api     API
	letters DeadLetters
	kinds   []Kind
	texts   Texts
}

// Part returns the page of the search. Texts may be nil.
func Part(api API, letters DeadLetters, kinds []Kind, texts Texts) frame.Part {
	return func(site *frame.Site) {
		s := &pages{api, letters, kinds, texts}
		site.Handle("GET "+frame.Path("search"), frame.Read, s.search)
	}
}

// hit is something that was found.
type hit struct{ text, path, detail string }

// tried is one of the ways to search.
type tried struct {
	name string // "Accounts"
	hits []hit
	more string // where there are more; empty: those are all
	err  error
}

// looking is a search for one text.
type looking struct {
	q    string
	all  []*tried
	hits int
}

// search answers GET /console/search?q=.
func (s *pages) search(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if len(q) > maxBytes || !utf8.ValidString(q) {
		return frame.Invalid("What is searched for must be text of at most 1,024 bytes.")
	}
	l := &looking{q: q}
	if q == "" {
		return p.Show(w, r, "Search", list(l, s.help()))
	}
	ways := s.ways(q)
	l.all = make([]*tried, len(ways))
	var group errgroup.Group
	for i, way := range ways {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(r.Context(), searchTime)
			defer cancel()
			l.all[i] = way(ctx)
			return nil
		})
	}
	_ = group.Wait() // none of them returns an error: each is shown
	l.tidy()
	if l.hits == 1 {
		return p.Back(w, r, l.only())
	}
	status := http.StatusOK
	if l.hits == 0 {
		status = http.StatusNotFound
	}
	return p.ShowStatus(w, r, status, "Search for "+frame.Short(q), list(l, s.help()))
}

// ways are the questions that a text is asked by.
func (s *pages) ways(q string) (all []func(context.Context) *tried) {
	for _, k := range s.kinds {
		all = append(all, func(ctx context.Context) *tried { return s.aggregates(ctx, k, q) })
		if s.texts != nil {
			all = append(all, func(ctx context.Context) *tried { return s.words(ctx, k, q) })
		}
	}
	return append(all,
		func(ctx context.Context) *tried { return s.commands(ctx, q) },
		func(ctx context.Context) *tried { return s.trace(ctx, q) },
		func(ctx context.Context) *tried { return s.events(ctx, q) },
		func(ctx context.Context) *tried { return s.deadLetter(ctx, q) })
}

// tidy leaves out what was found twice, and counts.
func (l *looking) tidy() {
	seen := map[string]bool{}
	for _, t := range l.all {
		kept := t.hits[:0]
		for _, h := range t.hits {
			if !seen[h.path] {
				seen[h.path] = true
				kept = append(kept, h)
			}
		}
		t.hits = kept
		l.hits += len(kept)
	}
}

// only is where the only hit is.
func (l *looking) only() string {
	for _, t := range l.all {
		for _, h := range t.hits {
			return h.path
		}
	}
	return frame.Root
}

// failed are the ways that gave no answer.
func (l *looking) failed() (all []*tried) {
	for _, t := range l.all {
		if t.err != nil {
			all = append(all, t)
		}
	}
	return all
}

// absent reports whether an error says that there is nothing, or that it is not kept here.
func absent(err error) bool {
	return client.IsNotFound(err) || client.HasCode(err, wire.CodeNoViews) ||
		client.HasCode(err, wire.CodeNoTraces) || client.HasCode(err, wire.CodeNoHistory)
}

// wrong keeps an error that is one.
func (t *tried) wrong(err error) *tried {
	if err != nil && !absent(err) {
		t.err = err
	}
	return t
}

// aggregates finds the aggregate with an ID, and those whose IDs begin so.
func (s *pages) aggregates(ctx context.Context, k Kind, q string) *tried {
	t := &tried{name: k.Plural}
	row, err := s.api.Get(ctx, k.Plural, q, client.Get{})
	if err == nil {
		t.hits = append(t.hits, hit{q, frame.Path(k.Plural, q), "at event " + number(row.Sequence)})
	} else if !absent(err) {
		return t.wrong(err)
	}
	for row, err := range s.api.List(ctx, k.Plural, q) {
		if err != nil {
			return t.wrong(err)
		}
		if !strings.HasPrefix(row.ID, q) {
			break
		}
		if len(t.hits) == listed {
			t.more = frame.With(frame.Path(k.Plural), "prefix", q)
			break
		}
		t.hits = append(t.hits, hit{row.ID, frame.Path(k.Plural, row.ID), "at event " + number(row.Sequence)})
	}
	return t
}

// words finds aggregates by their texts.
func (s *pages) words(ctx context.Context, k Kind, q string) *tried {
	t := &tried{name: k.Plural + " by text"}
	ids, _, err := s.texts.Find(ctx, k, q)
	for _, id := range ids {
		if len(t.hits) == listed {
			break
		}
		t.hits = append(t.hits, hit{id, frame.Path(k.Plural, id), ""})
	}
	return t.wrong(err)
}

// commands finds the commands of an ID, which is the idempotency key as well.
func (s *pages) commands(ctx context.Context, q string) *tried {
	t := &tried{name: "commands"}
	found, err := s.api.CommandsOf(ctx, q, 0)
	if err != nil {
		return t.wrong(err)
	}
	for _, c := range found.Commands {
		k := s.kind(c.Aggregate)
		if k == nil {
			continue
		}
		t.hits = append(t.hits, hit{
			c.Type + " to " + c.Subject, frame.With(frame.Path(k.Plural, c.Subject), "sent", c.ID), c.Status,
		})
	}
	return t
}

// kind is the kind of aggregate of a name, in the singular or in the plural; nil: there is none.
func (s *pages) kind(name string) *Kind {
	for i := range s.kinds {
		if k := &s.kinds[i]; k.Name == name || k.Plural == name {
			return k
		}
	}
	return nil
}

// trace finds what a command has led to.
func (s *pages) trace(ctx context.Context, q string) *tried {
	t := &tried{name: "traces"}
	found, err := s.api.Trace(ctx, q)
	if err != nil {
		return t.wrong(err)
	}
	if len(found.Roots) > 0 {
		detail := number(int64(found.Commands)) + " commands, " + number(int64(found.Events)) + " events"
		t.hits = append(t.hits, hit{q, frame.Path("traces", q), detail})
	}
	return t
}

// events finds an event by its ID: that of its aggregate, and its sequence.
func (s *pages) events(ctx context.Context, q string) *tried {
	t := &tried{name: "events"}
	i := strings.LastIndexByte(q, '/')
	if i <= 0 {
		return t
	}
	n, err := strconv.ParseInt(q[i+1:], 10, 64)
	if err != nil || n < 1 {
		return t
	}
	for _, k := range s.kinds {
		row, err := s.api.Get(ctx, k.Plural, q[:i], client.Get{})
		if err != nil {
			t.wrong(err)
			continue
		}
		if row.Sequence >= n {
			path := frame.With(frame.Path(k.Plural, q[:i]), "event", number(n))
			t.hits = append(t.hits, hit{q, path, "of " + k.Name + " " + q[:i]})
		}
	}
	return t
}

// deadLetter finds a dead letter by its place.
func (s *pages) deadLetter(ctx context.Context, q string) *tried {
	t := &tried{name: "dead letters"}
	partition, offset, is := strings.Cut(q, "/")
	p, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	if !is || err != nil || err2 != nil || p < 0 || o < 0 {
		return t
	}
	found, err := s.letters.HasLetter(ctx, int32(p), o)
	if err != nil {
		return t.wrong(err)
	}
	if found {
		t.hits = append(t.hits, hit{q, frame.Path("dead-letters", partition, offset), ""})
	}
	return t
}

// help says what is found how.
func (s *pages) help() (all []frame.Field) {
	for _, k := range s.kinds {
		all = append(all, frame.Field{Name: k.Plural, Value: "by their ID, or its beginning"})
	}
	all = append(all,
		frame.Field{Name: "Commands", Value: "by their ID, which is the idempotency key of the request"},
		frame.Field{Name: "Traces", Value: "by the correlation ID: the ID of the command at the beginning"},
		frame.Field{Name: "Events", Value: "by the aggregate's ID and the sequence, such as alice/7"},
		frame.Field{Name: "Dead letters", Value: "by partition and offset, such as 2/57"})
	if s.texts != nil {
		all = append(all, frame.Field{Name: "Text", Value: "by words, of what a search projection has"})
	}
	return all
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
