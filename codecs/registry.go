package codecs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/sync/singleflight"

	"refold/kafka"
)

// Registry is a client of a schema registry that speaks Confluent's API. It remembers what it was
// told, for a schema never changes under its ID. It is safe for concurrent use.
type Registry struct {
	settings  RegistrySettings
	transport *transport
	clients   []*sr.Client // one for each URL
	answered  atomic.Int32 // index of the client that answered last, and is asked first
	life      context.Context
	end       context.CancelFunc

	// schemas and ids let one request serve all who miss the same thing at the same time.
	schemas, ids singleflight.Group
	known        cache
	disk         *diskCache // nil: none
	away         away
	// contradiction is what Contradiction returns.
	contradiction atomic.Pointer[error]
	refused       refusals
	faults        *kafka.FaultLog
}

// NewRegistry returns a client. It does not talk to the registry yet. The error lists all that is
// wrong with the settings.
func NewRegistry(settings RegistrySettings) (*Registry, error) {
	if err := settings.Validate(); err != nil {
		return nil, fmt.Errorf("schema registry settings: %w", err)
	}
	settings = settings.withDefaults()
	r := &Registry{
		settings: settings, known: newCache(settings.Limits), faults: kafka.NewFaultLog(settings.Logger),
	}
	if _, err := settings.header(); err != nil { // now, rather than at the first request
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	var err error
	if r.transport, err = newTransport(settings.TLS, r.faults); err != nil {
		return nil, fmt.Errorf("schema registry: %w", err)
	}
	for _, url := range settings.URLs {
		client, err := r.newClient(url)
		if err != nil {
			return nil, fmt.Errorf("schema registry client for %s: %w", url, err)
		}
		r.clients = append(r.clients, client)
	}
	if settings.Cache.Directory != "" {
		r.disk = openCache(settings.Cache, settings.URLs, settings.Logger, r.faults)
	}
	r.life, r.end = context.WithCancel(context.Background())
	return r, nil
}

// newClient returns the client of the server at a URL.
func (r *Registry) newClient(text string) (*sr.Client, error) {
	base, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	return sr.NewClient(sr.URLs(text), sr.UserAgent("refold"), sr.HTTPClient(&http.Client{
		Timeout: r.settings.Timeout,
		Transport: limitedTransport{
			authorized{r.transport, r.settings.Credentials, base.Scheme, base.Host},
			int64(r.settings.Limits.SchemaBytes),
		},
	}))
}

// Close ends all requests and all waiting for the registry, which then fail with
// [ErrRegistryUnavailable], writes the cache on disk, and closes the connections. What is known already is
// still served, so close it as soon as stopping begins: whatever is being decoded then does not hold up the
// stop.
func (r *Registry) Close() {
	r.end()
	r.away.end()
	if r.disk != nil {
		r.disk.close()
	}
	r.transport.CloseIdleConnections()
}

// Schema returns the schema of an ID. Known schemas cost no request and no allocation. The error
// is [ErrSchemaNotFound], [ErrSchemaUnusable] or [ErrSchemaRefused], which a record of that ID is poison by,
// or [ErrRegistryUnavailable].
func (r *Registry) Schema(ctx context.Context, id int) (*Schema, error) {
	return r.SchemaOf(ctx, SchemaID{Number: id})
}

// SchemaOf is Schema of an ID that may be a GUID. Only Confluent's registry knows GUIDs, from Platform 8 on:
// for any other, a GUID is an ID that it does not have (ErrSchemaNotFound).
func (r *Registry) SchemaOf(ctx context.Context, id SchemaID) (*Schema, error) {
	if known, ok := r.known.schema(id); ok {
		return known.schema, known.err
	}
	got, err := r.once(ctx, &r.schemas, id.String(),
		func(ctx context.Context) (any, error) {
			if known, ok := r.known.schema(id); ok { // another one has asked since
				return known.schema, known.err
			}
			schema, err := r.requestSchema(ctx, id)
			if err = r.judge(ctx, id, err); err != nil {
				err = fmt.Errorf("schema %v: %w", id, err)
			}
			r.known.putSchema(id, schema, err)
			return schema, err
		})
	if err != nil {
		return nil, err
	}
	return got.(*Schema), nil
}

func (r *Registry) requestSchema(ctx context.Context, id SchemaID) (*Schema, error) {
	fetch := fetcher{registry: r, bytesLeft: r.settings.Limits.SchemaBytes}
	root, err := askRegistry(ctx, r, schemaQuestion(id),
		func(ctx context.Context, c *sr.Client) (sr.Schema, error) { return schemaBy(ctx, c, id) })
	if err != nil {
		return nil, err
	}
	return fetch.parse(ctx, id, root)
}

// once lets fn run once for all who ask for the same key at the same time. It runs to its end
// even if the one who started it gives up, for the others wait for it, too.
func (r *Registry) once(ctx context.Context, group *singleflight.Group, key string,
	fn func(context.Context) (any, error),
) (any, error) {
	if r.life.Err() != nil {
		return nil, fmt.Errorf("%w: the client is closed", ErrRegistryUnavailable)
	}
	answer := group.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(r.life, cancel)() //nolint:contextcheck // Close ends it, too
		return fn(ctx)
	})
	select {
	case got := <-answer:
		return got.Val, got.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrRegistryUnavailable, context.Cause(ctx))
	case <-r.life.Done():
		return nil, fmt.Errorf("%w: the client is closed", ErrRegistryUnavailable)
	}
}

// request asks the servers one after the other, beginning with the one that answered last, until
// one gives an answer. The HTTP client limits the time of each.
func (r *Registry) request(ctx context.Context, operation string,
	call func(context.Context, *sr.Client) error,
) error {
	var err error
	first := int(r.answered.Load())
	for i := range r.clients {
		at := (first + i) % len(r.clients)
		start := time.Now()
		err = classify(call(ctx, r.clients[at]))
		r.settings.Metrics.requested(operation, err, time.Since(start))
		if !errors.Is(err, ErrRegistryUnavailable) {
			r.answered.Store(int32(at))
			return err
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return err
}

// waiting is what is done while the registry is away.
const waiting = "waiting for the schema registry"

// patiently calls fn again while the registry is away, up to Settings.RetryLimit. It does not
// wait for an answer that only a person can change.
func (r *Registry) patiently(ctx context.Context, fn func(context.Context) error) error {
	const firstPause, longestPause = 50 * time.Millisecond, 2 * time.Second
	deadline := time.NewTimer(r.settings.RetryLimit)
	defer deadline.Stop()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := fn(ctx)
		if err == nil {
			r.faults.Ended(waiting)
		}
		if !errors.Is(err, ErrRegistryUnavailable) ||
			errors.Is(err, ErrRegistryRefused) || ctx.Err() != nil || r.life.Err() != nil {
			return err
		}
		r.faults.Failed(slog.LevelWarn, waiting, err, "limit", r.settings.RetryLimit)
		select {
		case <-time.After(pause):
		case <-deadline.C:
			return fmt.Errorf("gave up after %v: %w", r.settings.RetryLimit, err)
		case <-ctx.Done():
			return err
		case <-r.life.Done():
			return err
		}
	}
}

// Limits returns the limits in force, defaults filled in.
func (r *Registry) Limits() Limits { return r.settings.Limits }

// URLs returns the registry's base URLs.
func (r *Registry) URLs() []string { return slices.Clone(r.settings.URLs) }
