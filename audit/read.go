package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Source says what is read.
type Source struct {
	Brokers     []string
	RegistryURL string
	Registry    RegistryAccess
	// RingSize is how many commands a row remembers, as the program is configured.
	RingSize int
	// RingSizes are those of the kinds that remember another number, by their names.
	RingSizes map[string]int
	// Prefix of the topics' and the group's names; usually empty.
	Prefix string
}

// ring is how many commands a row of a kind remembers.
func (s Source) ring(kind Kind) int {
	if size, is := s.RingSizes[kind.Name]; is {
		return size
	}
	return s.RingSize
}

// Read gets the world of a kind of aggregate, as a reader sees it who sees only what was committed.
// It reads to the end that topics have when it begins, and keeps everything in memory: some 3 KB a
// command. [Run] is for more than that.
func Read(ctx context.Context, s Source, kind Kind) (*World, error) {
	r, err := newReader(ctx, s)
	if err != nil {
		return nil, err
	}
	defer r.close()
	whole := &World{Kind: kind, Rows: make(map[string]Row), RingSize: s.ring(kind)}
	err = r.eachWorld(ctx, kind, nil, func(w *World) error {
		whole.Commands = append(whole.Commands, w.Commands...)
		whole.Events = append(whole.Events, w.Events...)
		whole.Results = append(whole.Results, w.Results...)
		whole.DeadLetters = append(whole.DeadLetters, w.DeadLetters...)
		whole.NotProcessed = append(whole.NotProcessed, w.NotProcessed...)
		whole.Undecided = append(whole.Undecided, w.Undecided...)
		whole.Aborted += w.Aborted
		maps.Copy(whole.Rows, w.Rows)
		return nil
	})
	if err != nil {
		return nil, err
	}
	whole.Committed, whole.Ends, err = Offsets(ctx, s.Brokers, s.Prefix+kind.Plural,
		s.Prefix+kind.commands())
	return whole, err
}

// reader reads worlds, one partition at a time.
type reader struct {
	source  Source
	schemas *schemas
	client  *kgo.Client
	admin   *kadm.Client
	letters map[string][]DeadLetter // by topic
	aside   map[asidePlace]string   // by projections: why
	passed  passed
	open    []string          // partitions of the dead letters with an open transaction
	world   *World            // that is being read
	texts   map[string]string // each text of it once: an ID is in half a dozen of records
}

func newReader(ctx context.Context, s Source) (*reader, error) {
	schemas, err := newSchemas(s.RegistryURL, s.Registry)
	if err != nil {
		return nil, err
	}
	r := &reader{
		source: s, schemas: schemas, letters: make(map[string][]DeadLetter), passed: make(passed),
		aside: make(map[asidePlace]string),
	}
	if r.client, err = kgo.NewClient(kgo.SeedBrokers(s.Brokers...)); err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	r.admin = kadm.NewClient(r.client)
	seen, err := Scan(ctx, s.Brokers, s.Prefix+"dead-letters", r.deadLetter)
	if err != nil {
		r.close()
		return nil, err
	}
	r.open = seen.Undecided
	return r, nil
}

func (r *reader) close() { r.client.Close() }

// rowWatcher is told of a partition of a table before it is read, and then of every record.
type rowWatcher interface {
	begin(ctx context.Context, kind Kind, at extent) error
	row(record *kgo.Record)
}

// eachWorld calls take with the world of each partition. watch may be nil.
func (r *reader) eachWorld(ctx context.Context, kind Kind, watch rowWatcher, take func(*World) error,
) error {
	topics := []topicReader{
		{kind.commands(), r.command},
		{kind.events(), r.event},
		{kind.results(), r.result},
		{kind.table(), r.row},
	}
	extents := make(map[string]map[int32]extent)
	partitions := make(map[int32]bool)
	for _, topic := range topics {
		found, err := extentsOf(ctx, r.admin, r.source.Prefix+topic.name)
		if err != nil {
			return err
		}
		extents[topic.name] = found
		for partition, e := range found {
			partitions[partition] = true
			if e.start > 0 && topic.name != kind.table() {
				return fmt.Errorf("%v begins at offset %d: what came before can't be checked", e, e.start)
			}
		}
	}
	for _, partition := range slices.Sorted(maps.Keys(partitions)) {
		r.texts = make(map[string]string)
		r.world = &World{Kind: kind, Rows: make(map[string]Row), RingSize: r.source.ring(kind)}
		for _, topic := range topics {
			if err := r.part(ctx, topic, extents[topic.name][partition], watch); err != nil {
				return err
			}
		}
		r.assignLetters(partition)
		if err := take(r.world); err != nil {
			return err
		}
	}
	r.world, r.texts = nil, nil
	return nil
}

type topicReader struct {
	name string
	take func(context.Context, *kgo.Record) error
}

// part reads a partition of a topic into the world.
func (r *reader) part(ctx context.Context, topic topicReader, e extent, watch rowWatcher) error {
	isTable := topic.name == r.world.Kind.table()
	if isTable && watch != nil {
		if err := watch.begin(ctx, r.world.Kind, e); err != nil {
			return err
		}
	}
	s := scan{brokers: r.source.Brokers, take: func(record *kgo.Record) error {
		if isTable && watch != nil {
			watch.row(record)
		}
		return topic.take(ctx, record)
	}}
	err := s.extent(ctx, e)
	r.world.Undecided = append(r.world.Undecided, s.seen.Undecided...)
	if topic.name == r.world.Kind.events() {
		r.world.Aborted += s.seen.Hidden // nothing is compacted away there
	}
	return err
}

// assignLetters gives the world the dead letters of its partition.
func (r *reader) assignLetters(partition int32) {
	kind := r.world.Kind
	of := func(topic string) (found []DeadLetter) {
		for _, letter := range r.letters[r.source.Prefix+topic] {
			if letter.Partition == partition {
				found = append(found, letter)
			}
		}
		return found
	}
	r.world.DeadLetters = of(kind.commands())
	r.world.NotProcessed = append(of(kind.events()), of(kind.results())...)
}

func (r *reader) place(record *kgo.Record) Place {
	return Place{Partition: record.Partition, Offset: record.Offset, Key: r.text(record.Key)}
}

// text returns the one string that says what the bytes do.
func (r *reader) text(b []byte) string {
	if known, is := r.texts[string(b)]; is {
		return known
	}
	text := string(b)
	if r.texts != nil {
		r.texts[text] = text
	}
	return text
}

// header returns a header's text; empty if there is none.
func (r *reader) header(record *kgo.Record, key string) string {
	return r.text(value(record, key))
}

// value returns a header's value: of two with one name the last counts.
func value(record *kgo.Record, key string) []byte {
	for _, h := range slices.Backward(record.Headers) {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// number returns a header's number; -1 if there is none.
func number(record *kgo.Record, key string) int64 {
	n, err := strconv.ParseInt(string(value(record, key)), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// moment returns when the command was sent, by its header; the zero time if that is none.
func moment(record *kgo.Record) time.Time {
	t, err := time.Parse(time.RFC3339Nano, string(value(record, "ce_time")))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
