package audit_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/audit"
	"refold/kafka/local"
)

// place writes worlds into the topics of an embedded cluster, each under a prefix of its own.
type place struct {
	*testing.T
	cluster *local.Cluster
	client  *kgo.Client
	admin   *kadm.Client
	schemas map[string][]version // by name, the newest first
	worlds  *int
	// inHeaders has the schema IDs of all but rows written into a header: some by number, some by GUID.
	inHeaders bool
	guids     map[int]string
}

// version is a version of a schema.
type version struct {
	id    int
	codec *goavro.Codec
}

// in is the place in a subtest.
func (p *place) in(t *testing.T) *place {
	t.Helper()
	here := *p
	here.T = t
	return &here
}

func newPlace(t *testing.T) *place {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	p := &place{
		T: t, cluster: cluster, schemas: map[string][]version{}, guids: map[int]string{},
		client: newClient(t, cluster), worlds: new(int),
	}
	p.admin = kadm.NewClient(p.client)
	registry, err := sr.NewClient(sr.URLs(cluster.RegistryURL()))
	if err != nil {
		t.Fatal(err)
	}
	// The schemas are written down once more: the audit is not proved on what the program makes.
	text, err := os.ReadFile("testdata/schemas.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for schema := range strings.Lines(string(text)) {
		p.register(registry, schema)
	}
	return p
}

// register gives the registry a schema.
func (p *place) register(registry *sr.Client, schema string) {
	p.Helper()
	var record struct{ Name string }
	if err := json.Unmarshal([]byte(schema), &record); err != nil {
		p.Fatal(err)
	}
	made, err := registry.CreateSchema(p.Context(), record.Name, sr.Schema{Schema: schema})
	if err != nil {
		p.Fatal(err)
	}
	codec, err := goavro.NewCodec(schema)
	if err != nil {
		p.Fatal(err)
	}
	p.schemas[record.Name] = append([]version{{made.ID, codec}}, p.schemas[record.Name]...)
	found, err := registry.SchemaByVersion(p.Context(), record.Name, made.Version)
	if err != nil {
		p.Fatal(err)
	}
	p.guids[made.ID] = found.GUID
}

func newClient(t *testing.T, cluster *local.Cluster, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(cluster.Brokers()...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// encode returns a value as a worker would write it: one of the generation whose schema has these fields.
func (p *place) encode(schema string, fields map[string]any) []byte {
	p.Helper()
	err := fmt.Errorf("there is no schema")
	for _, version := range p.schemas[schema] {
		var value []byte
		begin := binary.BigEndian.AppendUint32([]byte{0}, uint32(version.id))
		if value, err = version.codec.BinaryFromNative(begin, fields); err == nil {
			return value
		}
	}
	p.Fatalf("%s of %v: %v", schema, fields, err)
	return nil
}

// written is a shop in topics.
type written struct {
	*place
	prefix string
	source audit.Source
	begun  int // transactions
}

func sprint(value any) string { return fmt.Sprint(value) }

// groups are the consumer groups of topics.
var groups = map[string][]string{
	"account-commands": {"accounts"}, "order-commands": {"orders"}, "garage-commands": {"garages"},
	"order-events": {"order-payments"}, "account-results": {"order-payments", "garage-billing"},
	"garage-events": {"garage-billing"},
}

// write writes a shop down, and more worlds: what workers write in one transaction each.
func (p *place) write(shop *audit.Shop, more ...*audit.World) *written {
	p.Helper()
	*p.worlds++
	w := &written{place: p, prefix: fmt.Sprintf("world-%d.", *p.worlds)}
	w.source = audit.Source{
		Brokers: p.cluster.Brokers(), RegistryURL: p.cluster.RegistryURL(), RingSize: ringSize,
		Prefix: w.prefix,
	}
	worlds := append([]*audit.World{shop.Accounts, shop.Orders}, more...)
	topics := []string{"dead-letters"}
	for _, world := range worlds {
		name := world.Kind.Name
		topics = append(topics, name+"-commands", name+"-events", name+"-results", world.Kind.Plural+"-table")
	}
	for _, topic := range topics {
		if _, err := p.admin.CreateTopic(p.Context(), 2, 1, nil, w.prefix+topic); err != nil {
			p.Fatal(err)
		}
	}
	for _, world := range worlds {
		w.produce(w.moveIDs(w.commands(world))...)
		w.transact(kgo.TryCommit, w.moveIDs(w.outcomes(world))...)
	}
	for _, topic := range topics {
		w.commit(topic, 0)
	}
	return w
}

// produce writes records, outside of transactions.
func (w *written) produce(records ...*kgo.Record) {
	w.Helper()
	if err := w.client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
}

// transact writes records in a transaction, and ends it.
func (w *written) transact(end kgo.TransactionEndTry, records ...*kgo.Record) {
	w.Helper()
	client := w.begin(records...)
	if err := client.EndTransaction(w.Context(), end); err != nil {
		w.Fatal(err)
	}
	client.Close()
}

// begin writes records in a transaction that is left open.
func (w *written) begin(records ...*kgo.Record) *kgo.Client {
	w.Helper()
	w.begun++
	client := newClient(w.T, w.cluster, kgo.TransactionalID(w.prefix+strconv.Itoa(w.begun)))
	if err := client.BeginTransaction(); err != nil {
		w.Fatal(err)
	}
	if err := client.ProduceSync(w.Context(), records...).FirstErr(); err != nil {
		w.Fatal(err)
	}
	return client
}

// commit has the groups of a topic commit its end, or so many offsets before it.
func (w *written) commit(topic string, before int64) {
	w.Helper()
	ends, err := w.admin.ListEndOffsets(w.Context(), w.prefix+topic)
	if err != nil {
		w.Fatal(err)
	}
	offsets := kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			offsets.AddOffset(end.Topic, end.Partition, end.Offset-before, -1)
		}
	})
	for _, group := range groups[topic] {
		responses, err := w.admin.CommitOffsets(w.Context(), w.prefix+group, offsets)
		if err == nil {
			err = responses.Error()
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

func headers(pairs ...string) (list []kgo.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
	}
	return list
}

// moveIDs moves the schema IDs of records to a header: the number of one, the GUID of the next.
func (w *written) moveIDs(records []*kgo.Record) []*kgo.Record {
	w.Helper()
	for i, r := range records {
		if !w.inHeaders || len(r.Headers) == 0 { // a row has none
			continue
		}
		id := r.Value[:5]
		if i%2 == 1 {
			text := w.guids[int(binary.BigEndian.Uint32(id[1:]))]
			guid, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
			if err != nil || len(guid) != 16 {
				w.Fatalf("%q, %v", guid, err)
			}
			id = append([]byte{1}, guid...)
		}
		r.Value = r.Value[5:]
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "__value_schema_id", Value: id})
	}
	return records
}

func (w *written) commands(world *audit.World) (records []*kgo.Record) {
	w.Helper()
	for _, c := range world.Commands {
		records = append(records, &kgo.Record{
			Topic: w.prefix + world.Kind.Name + "-commands", Partition: c.Partition, Key: []byte(c.Key),
			Value: w.encode(c.Type, c.Fields), Headers: headers("ce_id", c.ID, "ce_type", c.Type,
				"ce_correlationid", c.Correlation, "ce_causationid", c.Causation),
		})
	}
	return records
}

func (w *written) outcomes(world *audit.World) (records []*kgo.Record) {
	w.Helper()
	name := w.prefix + world.Kind.Name
	for _, e := range world.Events {
		records = append(records, &kgo.Record{
			Topic: name + "-events", Partition: e.Partition, Key: []byte(e.Key),
			Value: w.encode(e.Type, e.Fields), Headers: headers("ce_id", e.ID, "ce_type", e.Type,
				"ce_subject", e.Subject, "ce_sequence", fmt.Sprint(e.Sequence),
				"ce_time", e.Time.Format(time.RFC3339Nano),
				"ce_correlationid", e.Correlation, "ce_causationid", e.Causation),
		})
	}
	for _, r := range world.Results {
		repeated := ""
		if r.Repeated {
			repeated = "true"
		}
		records = append(records, &kgo.Record{
			Topic: name + "-results", Partition: r.Partition, Key: []byte(r.Key),
			Value: w.encode("Result", map[string]any{
				"commandType": r.Type, "accepted": r.Accepted, "firstSequence": r.First,
				"lastSequence": r.Last, "code": r.Code, "message": "",
			}),
			Headers: headers("ce_id", r.ID, "ce_causationid", r.Causation, "ce_correlationid",
				r.Correlation, "refold_repeated", repeated),
		})
	}
	for _, key := range slices.Sorted(maps.Keys(world.Rows)) {
		records = append(records, w.row(world, key))
	}
	return records
}

// row is the record of a row.
func (w *written) row(world *audit.World, key string) *kgo.Record {
	w.Helper()
	row := world.Rows[key]
	fields := maps.Clone(row.State)
	if fields == nil {
		fields = maps.Clone(world.Kind.Initial)
	}
	fields["sequence"], fields["recent"] = row.Sequence, row.Recent
	name := world.Kind.Name
	schema := strings.ToUpper(name[:1]) + name[1:] + "Row"
	return &kgo.Record{
		Topic: w.prefix + world.Kind.Plural + "-table", Partition: row.Partition, Key: []byte(key),
		Value: w.encode(schema, fields),
	}
}

// lines writes values into a file, one a line as JSON.
func (w *written) lines(values ...any) string {
	w.Helper()
	path := filepath.Join(w.TempDir(), "lines")
	var text strings.Builder
	for _, value := range values {
		line, err := json.Marshal(value)
		if err != nil {
			w.Fatal(err)
		}
		fmt.Fprintln(&text, string(line))
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}
