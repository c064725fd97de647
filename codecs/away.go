package codecs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// While the registry answers, its word counts, and the cache on disk takes it down. While it is away, the
// cache answers in its place what it can, and the registry is asked the same again later: it may have been
// restored from a backup meanwhile, or know more versions.

// question is one of those to the registry that the cache on disk may answer.
type question struct {
	// operation names it in the metrics.
	operation string
	// key names it, and all that it asks for, in the cache and in messages.
	key string
	// orNone says that "there is none" is an answer to be kept. Of a schema ID it must not be: a record
	// would become poison by it.
	orNone bool
	// mayGrow says that the answer is another one from time to time.
	mayGrow bool
}

// askRegistry returns the registry's answer to a question. While the registry is away, it returns the answer
// that the cache on disk has, if there is one.
func askRegistry[T any](ctx context.Context, r *Registry, q question,
	call func(context.Context, *sr.Client) (T, error),
) (T, error) {
	if r.disk == nil {
		return requestAnswer(ctx, r, q, call)
	}
	again := func(ctx context.Context) error { return askAgain(ctx, r, q, call) }
	if r.away.on() {
		if kept, has := recall[T](r, q); has && r.standIn(q, nil, again) {
			return kept.value, kept.err
		}
	}
	answer, err := requestAnswer(ctx, r, q, call)
	if isAway(err) && ctx.Err() == nil && r.life.Err() == nil {
		if kept, has := recall[T](r, q); has && r.standIn(q, err, again) {
			return kept.value, kept.err
		}
		return answer, fmt.Errorf("%w; the cache on disk has no answer for %s", err, q.key)
	}
	r.takeDown(q, answer, err)
	return answer, err
}

func requestAnswer[T any](ctx context.Context, r *Registry, q question,
	call func(context.Context, *sr.Client) (T, error),
) (answer T, err error) {
	err = r.request(ctx, q.operation, func(ctx context.Context, c *sr.Client) (err error) {
		answer, err = call(ctx, c)
		return err
	})
	return answer, err
}

// isAway reports whether nothing has answered. A registry that refuses is there: somebody must act, and a
// right that was taken away must not live on in a cache.
func isAway(err error) bool {
	return errors.Is(err, ErrRegistryUnavailable) && !errors.Is(err, ErrRegistryRefused)
}

// kept is an answer of the cache. err is set if it is that there is no such thing.
type kept[T any] struct {
	value T
	err   error
}

// recall returns what the cache has.
func recall[T any](r *Registry, q question) (k kept[T], has bool) {
	text, has := r.disk.recall(q.key)
	if has && isNone(text) {
		k.err = fmt.Errorf("%w, as it said before it was away", ErrSchemaNotFound)
		return k, q.orNone
	}
	return k, has && json.Unmarshal(text, &k.value) == nil && isSound(k.value)
}

// none is the answer that there is no such thing.
var none = json.RawMessage("null")

func isNone(answer json.RawMessage) bool { return bytes.Equal(answer, none) }

// isSound reports whether an answer is one: any server may answer with JSON of some kind.
func isSound(answer any) bool {
	switch a := answer.(type) {
	case sr.Schema:
		return a.Schema != ""
	case sr.SubjectSchema:
		return a.Schema.Schema != "" && isSound(a.ID)
	case int:
		return a > 0 && a <= MaxSchemaID
	}
	return true
}

// takeDown keeps what the registry has answered.
func (r *Registry) takeDown(q question, answer any, err error) {
	switch {
	case err == nil && isSound(answer):
		if text, err := json.Marshal(answer); err == nil {
			r.disk.keep(q.key, text)
		}
	case errors.Is(err, ErrSchemaNotFound) && q.orNone:
		r.disk.keep(q.key, none)
	case errors.Is(err, ErrSchemaNotFound):
		r.disk.drop(q.key)
	}
}

// askAgain asks the registry what the cache has answered. If the answers differ, what this process has done
// since may be wrong, and it says so. The error says that the registry does not answer yet.
func askAgain[T any](ctx context.Context, r *Registry, q question,
	call func(context.Context, *sr.Client) (T, error),
) error {
	before, had := recall[T](r, q)
	now, err := requestAnswer(ctx, r, q, call)
	if errors.Is(err, ErrRegistryUnavailable) {
		return err
	}
	if had && contradicts(r, q, before, kept[T]{now, err}) {
		return nil // the cache keeps what it had: somebody may need it to mend the registry
	}
	r.takeDown(q, now, err)
	return nil
}

// contradicts reports whether an answer that never changes has changed. It says so, or what has changed
// instead.
func contradicts[T any](r *Registry, q question, before, now kept[T]) bool {
	same := (before.err == nil) == (now.err == nil) && sameAnswer(before.value, now.value)
	switch {
	case same:
	case q.mayGrow, before.err != nil:
		r.settings.Logger.Warn("the schema registry says more than its cache did: restart this process, so "+
			"that it is checked", "about", q.key, "cache", before.value, "registry", now.value)
	default:
		r.contradict(q, now.err)
		return true
	}
	return false
}

// sameAnswer compares what this program uses of answers.
func sameAnswer[T any](a, b T) bool {
	return reflect.DeepEqual(essence(a), essence(b))
}

func essence(answer any) any {
	switch a := answer.(type) {
	case sr.Schema:
		// Of no references, some registries send an empty list.
		return sr.Schema{
			Schema: a.Schema, Type: a.Type, References: append([]sr.SchemaReference(nil), a.References...),
		}
	case sr.SubjectSchema:
		return sr.SubjectSchema{ID: a.ID, Schema: essence(a.Schema).(sr.Schema)}
	}
	return answer
}

// contradict notes that the registry says something else than it did before it was away.
func (r *Registry) contradict(q question, err error) {
	wrong := fmt.Errorf("the schema registry says something else about %s than before it was away, "+
		"such as one that was restored from an older backup: records may be read with wrong schemas; "+
		"see docs/runbooks/restore-from-backup.md, then restart this process", q.key)
	r.settings.Logger.Error(wrong.Error(), "error", err)
	r.settings.Metrics.contradicted()
	r.contradiction.CompareAndSwap(nil, &wrong)
}

// Contradiction returns what the registry has said, once it was there again, that does not agree with what
// the cache on disk had answered in its place; nil if there is nothing. It stays: what was encoded and
// decoded in between may be wrong.
func (r *Registry) Contradiction() error {
	if wrong := r.contradiction.Load(); wrong != nil {
		return *wrong
	}
	return nil
}

// away is what the cache has answered since the registry is away.
type away struct {
	mu    sync.Mutex
	again map[string]func(context.Context) error // asks the registry the same
	done  sync.WaitGroup                         // for asking again
}

func (a *away) on() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.again) > 0
}

// end waits until the registry is no longer asked again. The Registry's life has ended.
func (a *away) end() {
	a.mu.Lock()
	clear(a.again) // nothing is added any more, to done neither
	a.mu.Unlock()
	a.done.Wait()
}

// standIn notes that the cache answers a question, and sees to it that the registry is asked again. why is
// nil if the registry is known to be away. It reports whether the cache may answer: not if the registry has
// come back since, or the client is closed.
func (r *Registry) standIn(q question, why error, again func(context.Context) error) bool {
	a := &r.away
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case r.life.Err() != nil, len(a.again) == 0 && why == nil:
		return false
	case len(a.again) == 0:
		a.again = make(map[string]func(context.Context) error)
		r.settings.Logger.Warn("the schema registry is away: the cache on disk answers in its place",
			"directory", r.settings.Cache.Directory, "written", r.disk.saved, "error", why)
		r.settings.Metrics.standsIn(1)
		a.done.Go(r.untilItAnswers)
	}
	a.again[q.key] = again
	return true
}

// untilItAnswers asks the registry again until it has answered all that the cache has.
func (r *Registry) untilItAnswers() {
	for {
		select {
		case <-r.life.Done():
			r.settings.Metrics.standsIn(-1)
			return
		case <-time.After(r.settings.Cache.AskAgain):
		}
		if r.askAllAgain() {
			r.settings.Metrics.standsIn(-1)
			r.settings.Logger.Info("the schema registry answers again")
			return
		}
	}
}

// askAllAgain reports whether the registry has answered everything.
func (r *Registry) askAllAgain() bool {
	a := &r.away
	a.mu.Lock()
	open := maps.Clone(a.again)
	a.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(open)) {
		if err := open[key](r.life); err != nil {
			if errors.Is(err, ErrRegistryRefused) { // somebody must act
				r.faults.Failed(slog.LevelError, waiting, err)
			}
			return false
		}
		a.mu.Lock()
		delete(a.again, key)
		over := len(a.again) == 0
		a.mu.Unlock()
		if over {
			r.faults.Ended(waiting)
			return true
		}
	}
	return false
}
