package load

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// namespace of the records' names, which are the registry's subjects.
const namespace = "refold.accounts."

// Target says where commands go.
type Target struct {
	Brokers     []string
	RegistryURL string
	Topic       string
	// Rate is how many commands are written a second; 0 is as fast as it goes.
	Rate int
}

// Write sends commands until they end or ctx does, and returns how many the broker has
// acknowledged. The order of an account's commands is kept.
func Write(ctx context.Context, t Target, commands iter.Seq[Command]) (int, error) {
	encoder, err := newEncoder(t.RegistryURL)
	if err != nil {
		return 0, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(t.Brokers...),
		kgo.DefaultProduceTopic(t.Topic),
		kgo.ProducerLinger(5*time.Millisecond), // large batches matter more than latency
	)
	if err != nil {
		return 0, fmt.Errorf("making a producer: %w", err)
	}
	defer client.Close()
	acknowledged := acknowledgements{}
	pace := newPace(t.Rate)
	for command := range commands {
		if err := pace.wait(ctx); err != nil {
			return acknowledged.sum(), fmt.Errorf("writing commands: %w", err)
		}
		record, err := encoder.record(ctx, command)
		if err != nil {
			return acknowledged.sum(), err
		}
		client.Produce(ctx, record, acknowledged.add)
	}
	if err := client.Flush(ctx); err != nil {
		return acknowledged.sum(), fmt.Errorf("writing commands: %w", err)
	}
	return acknowledged.sum(), acknowledged.err
}

// acknowledgements counts what the broker has taken.
type acknowledgements struct {
	mu  sync.Mutex
	n   int
	err error // the first one
}

func (a *acknowledgements) add(_ *kgo.Record, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.n++
	} else if a.err == nil {
		a.err = fmt.Errorf("writing a command: %w", err)
	}
}

func (a *acknowledgements) sum() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.n
}

// pace lets through so many a second, in portions of ten milliseconds.
type pace struct {
	portion, left int
	ticker        *time.Ticker
}

func newPace(rate int) *pace {
	if rate == 0 {
		return &pace{}
	}
	return &pace{portion: max(1, rate/100), ticker: time.NewTicker(10 * time.Millisecond)}
}

func (p *pace) wait(ctx context.Context) error {
	if p.ticker == nil {
		return ctx.Err()
	}
	if p.left == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ticker.C:
			p.left = p.portion
		}
	}
	p.left--
	return nil
}

// encoder makes records of commands. It asks the registry once for each type.
type encoder struct {
	registry *sr.Client
	schemas  map[string]schema
}

type schema struct {
	prefix []byte // magic byte and ID
	codec  *goavro.Codec
}

func newEncoder(url string) (*encoder, error) {
	registry, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		return nil, fmt.Errorf("making a registry client: %w", err)
	}
	return &encoder{registry: registry, schemas: make(map[string]schema)}, nil
}

func (e *encoder) record(ctx context.Context, c Command) (*kgo.Record, error) {
	s, err := e.schema(ctx, c.Type)
	if err != nil {
		return nil, err
	}
	value, err := s.codec.BinaryFromNative(s.prefix[:len(s.prefix):len(s.prefix)], c.Fields)
	if err != nil {
		return nil, fmt.Errorf("encoding a %s: %w", c.Type, err)
	}
	return &kgo.Record{
		Key:   []byte(c.Key),
		Value: value,
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(c.ID)},
			{Key: "ce_source", Value: []byte("system/load")},
			{Key: "ce_type", Value: []byte(c.Type)},
			{Key: "ce_subject", Value: []byte(c.Key)},
		},
	}, nil
}

func (e *encoder) schema(ctx context.Context, name string) (schema, error) {
	if s, known := e.schemas[name]; known {
		return s, nil
	}
	found, err := e.registry.SchemaByVersion(ctx, namespace+name, -1)
	if err != nil {
		return schema{}, fmt.Errorf("asking the registry for %s%s: %w", namespace, name, err)
	}
	codec, err := goavro.NewCodec(found.Schema.Schema)
	if err != nil {
		return schema{}, fmt.Errorf("reading the schema of %s: %w", name, err)
	}
	s := schema{
		prefix: binary.BigEndian.AppendUint32([]byte{0}, uint32(found.ID)),
		codec:  codec,
	}
	e.schemas[name] = s
	return s, nil
}
