//go:build system

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/audit"
	"refold/system/chaos/schedule"
)

// gatekeeper stands in front of the registry, and refuses single schemas to whoever asks for them by ID.
type gatekeeper struct {
	server *http.Server
	// address is where it listens.
	address string

	mu      sync.Mutex
	refused map[string]int // by ID: how often that was asked for
}

// newGatekeeper starts one for the registry at a URL.
func newGatekeeper(registry *url.URL) (*gatekeeper, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens at once
	if err != nil {
		return nil, fmt.Errorf("listening for the registry: %w", err)
	}
	g := &gatekeeper{address: listener.Addr().String(), refused: make(map[string]int)}
	behind := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: registry.Scheme, Host: registry.Host})
	const headersWithin = 10 * time.Second
	g.server = &http.Server{
		ReadHeaderTimeout: headersWithin,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if g.refuses(r.URL.Path) {
				w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
				w.WriteHeader(http.StatusForbidden)
				_, _ = w.Write([]byte(`{"error_code": 40301, "message": "chaos refuses this schema"}`))
				return
			}
			behind.ServeHTTP(w, r)
		}),
	}
	go func() { _ = g.server.Serve(listener) }() // ends when close closes it
	return g, nil
}

func (g *gatekeeper) close() { _ = g.server.Close() }

// refuses reports whether a request is for a schema that is refused.
func (g *gatekeeper) refuses(requested string) bool {
	folder, id := path.Split(requested)
	if !strings.HasSuffix(folder, "/schemas/ids/") {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, is := g.refused[id]
	if is {
		g.refused[id]++
	}
	return is
}

func (g *gatekeeper) refuse(id int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[strconv.Itoa(id)] = 0
}

// allow ends a refusal, and returns how often it was met.
func (g *gatekeeper) allow(id int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer delete(g.refused, strconv.Itoa(id))
	return g.refused[strconv.Itoa(id)]
}

// rareSchema is what one command of a fault is written with: what OpenAccount is written with otherwise,
// but for a text that makes another schema of it.
const rareSchema = `{"type": "record", "name": "OpenAccount", "namespace": "refold.accounts",
	"doc": "As chaos no. %d writes it.", "fields": [
		{"name": "owner", "type": "string"}, {"name": "currency", "type": "string"}]}`

// refuseSchema has the registry refuse one schema for a while. One command that is written with it is
// sent meanwhile: it, and what is behind it in its partition, may wait; all others go on.
func (p *performance) refuseSchema(ctx context.Context, f schedule.Fault) error {
	p.begins(f)
	alone := p.alone()
	record, id, err := p.rareCommand(ctx, f.Choice)
	if err != nil {
		return err
	}
	p.gatekeeper.refuse(id)
	defer p.gatekeeper.allow(id)
	if err := p.poisoner.client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("sending a command with a schema that is refused: %w", err)
	}
	p.say("  schema %d, of %s/%d offset %d", id, record.Topic, record.Partition, record.Offset)
	// What had been handed out with the record is given up and read again: only then the others go on.
	half, waiting := time.Duration(f.Lasts)/2, fmt.Sprintf("schema %d:", id)
	first := p.watch(ctx, half, waiting)
	before, err := p.committed(ctx, record.Topic)
	if err != nil {
		return err
	}
	saw := first.and(p.watch(ctx, half, waiting))
	after, err := p.committed(ctx, record.Topic)
	if err != nil {
		return err
	}
	met := p.gatekeeper.allow(id)
	if at := after[record.Partition]; at > record.Offset {
		p.problem("%v: the group has passed the record that nobody could read: it is at %d", f, at)
	}
	p.judgeOthers(f, record.Partition, before, after, alone())
	if met == 0 {
		p.count("refuse-schema-not-met") // nobody came as far
		return nil
	}
	p.noticed(f, saw, alone())
	return nil
}

// rareCommand makes a command with a schema of its own, and returns the schema's ID.
func (p *performance) rareCommand(ctx context.Context, choice uint64) (*kgo.Record, int, error) {
	text := fmt.Sprintf(rareSchema, choice)
	registry, err := sr.NewClient(sr.URLs(p.registry.URL()))
	if err != nil {
		return nil, 0, fmt.Errorf("making a registry client: %w", err)
	}
	subject := fmt.Sprintf("chaos-%d", choice)
	var schema sr.SubjectSchema
	err = p.persist(ctx, func() (err error) { // it has much to do, too
		schema, err = registry.CreateSchema(ctx, subject, sr.Schema{Schema: text})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("registering a schema: %w", err)
	}
	codec, err := goavro.NewCodec(text)
	if err != nil {
		return nil, 0, fmt.Errorf("reading a schema: %w", err)
	}
	value := binary.BigEndian.AppendUint32([]byte{0}, uint32(schema.ID))
	value, err = codec.BinaryFromNative(value, map[string]any{"owner": "Refused", "currency": "EUR"})
	if err != nil {
		return nil, 0, fmt.Errorf("writing a command: %w", err)
	}
	record := &kgo.Record{
		Topic: "account-commands", Key: []byte(subject), Value: value,
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(subject)},
			{Key: "ce_type", Value: []byte("OpenAccount")},
			{Key: "ce_source", Value: []byte("chaos")},
			{Key: "ce_subject", Value: []byte(subject)},
		},
	}
	return record, schema.ID, nil
}

// committed returns where the group is in its input.
func (s *site) committed(ctx context.Context, topic string) (at map[int32]int64, err error) {
	err = s.persist(ctx, func() (err error) {
		at, err = audit.Committed(ctx, s.cluster.Addresses(), inputs[topic], topic)
		return err
	})
	return at, err
}

// judgeOthers reports whether partitions have gone on beside the one with the record: all of them get
// commands all the time.
func (p *performance) judgeOthers(
	f schedule.Fault, partition int32, before, after map[int32]int64, alone bool,
) {
	if time.Duration(f.Lasts)/2 < noticedAfter {
		return // the processor that met the record has just been started again
	}
	var waited []int32
	for other := range after {
		if other != partition && after[other] <= before[other] {
			waited = append(waited, other)
		}
	}
	slices.Sort(waited)
	switch {
	case waited == nil:
		p.count("refuse-schema-others-went-on")
		return
	case alone:
		p.problem("%v: partitions %v have waited, too, not only %d", f, waited, partition)
	default:
		p.say("  %v: partitions %v have waited, too", f, waited)
	}
	p.count("refuse-schema-others-waited")
}
