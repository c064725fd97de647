package deadletters_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/deadletters"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is the deadline of every test. Nothing is measured against it.
const patience = time.Minute

const partitions = 3

// fixture is an embedded cluster and what is done to it.
type fixture struct {
	*testing.T
	ctx     context.Context
	cluster *local.Cluster
	plain   *kgo.Client
}

// versions runs a test with both protocols of transactions.
func versions(t *testing.T, test func(*fixture)) {
	t.Helper()
	for _, version := range []int16{1, 2} {
		t.Run(fmt.Sprintf("transaction.version %d", version), func(t *testing.T) {
			test(newFixture(t, version))
		})
	}
}

func newFixture(t *testing.T, version int16) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cluster, err := local.Start(local.Options{
		TransactionVersion: version,
		Topics: []kafka.TopicSpec{
			{Name: "dead-letters", Partitions: partitions},
			{Name: "dead-letters-settled", Partitions: 1},
			{Name: "order-commands", Partitions: partitions},
			{Name: "order-events", Partitions: partitions},
			{Name: "payments-loop", Partitions: partitions},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &fixture{T: t, ctx: ctx, cluster: cluster}
	d.plain = d.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return d
}

func (d *fixture) options(more ...kgo.Opt) []kgo.Opt {
	d.Helper()
	opts, err := kafka.Settings{Brokers: d.cluster.Brokers()}.Options()
	d.must(err)
	return append(opts, more...)
}

func (d *fixture) client(more ...kgo.Opt) *kgo.Client {
	d.Helper()
	client, err := kgo.NewClient(d.options(more...)...)
	d.must(err)
	d.Cleanup(client.Close)
	return client
}

func (d *fixture) settings(more ...kgo.Opt) deadletters.Settings {
	return deadletters.Settings{
		Kafka: d.options(more...), Names: deadletters.NamesOf(""),
		Commands: []string{"order-commands"}, Facts: []string{"order-events"},
		RecordBytes: kafka.DefaultRecordBytes, Logger: slog.New(slog.DiscardHandler),
	}
}

func (d *fixture) open(s deadletters.Settings) *deadletters.Queue {
	d.Helper()
	queue, err := deadletters.Open(d.ctx, s)
	d.must(err)
	d.Cleanup(queue.Close)
	return queue
}

func (d *fixture) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d *fixture) equal(what string, got, want any) {
	d.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		d.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// noon is when dead letters of tests begin.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// letter is a record of the dead-letter topic, set aside so many minutes after noon.
func letter(partition int32, minute int, key string, headers ...string) *kgo.Record {
	r := &kgo.Record{
		Topic: "dead-letters", Partition: partition, Key: []byte(key),
		Value: []byte("value of " + key), Timestamp: noon.Add(time.Duration(minute) * time.Minute),
	}
	all := append([]string{
		processors.HeaderTopic, "order-commands", processors.HeaderPartition, "1",
		processors.HeaderOffset, fmt.Sprint(minute), processors.HeaderReason, "undecodable",
		processors.HeaderMessage, "wrong", processors.HeaderGroup, "orders",
		processors.HeaderReplayTopic, "order-commands", processors.HeaderTime, noon.Format(time.RFC3339),
		"ce_id", "id-" + key,
	}, headers...)
	for i := 0; i < len(all); i += 2 {
		r.Headers = slices.DeleteFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == all[i] })
		if all[i+1] != "" {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: all[i], Value: []byte(all[i+1])})
		}
	}
	return r
}

// put writes records where they say, each acknowledged before the next.
func (d *fixture) put(records ...*kgo.Record) {
	d.Helper()
	for _, r := range records {
		d.must(d.plain.ProduceSync(d.ctx, r).FirstErr())
	}
}

// flood writes many letters, with keys from 0, to all partitions.
func (d *fixture) flood(letters int) {
	d.Helper()
	for i := range letters {
		r := letter(int32(i%partitions), i%60, fmt.Sprint(i))
		d.plain.Produce(d.ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				d.Error(err)
			}
		})
	}
	d.must(d.plain.Flush(d.ctx))
}

// committed are the committed records of a topic, partition by partition.
func (d *fixture) committed(topic string, partitions int32) (all []*kgo.Record) {
	d.Helper()
	for p := range partitions {
		at := kafka.Range{Topic: topic, Partition: p, From: kafka.FromStart}
		_, err := kafka.ReadPartition(d.ctx, d.options(), at,
			func(records []*kgo.Record, _ kafka.Progress) error {
				all = append(all, records...)
				return nil
			})
		d.must(err)
	}
	return all
}

// replayed are the keys that came to order-commands, in order of keys.
func (d *fixture) replayed() []string {
	d.Helper()
	keys := []string{}
	for _, r := range d.committed("order-commands", partitions) {
		keys = append(keys, string(r.Key))
	}
	slices.Sort(keys)
	return keys
}

// each lists a selection as refs.
func (d *fixture) each(s deadletters.Selection) (refs []string, reading deadletters.Reading) {
	d.Helper()
	refs = []string{}
	reading, err := d.open(d.settings()).Each(d.ctx, s, func(l *deadletters.Letter) error {
		refs = append(refs, l.Ref.String())
		return nil
	})
	d.must(err)
	return refs, reading
}

var replay = deadletters.Action{
	Disposition: deadletters.Replayed, By: "somebody@test", Note: "why not", Time: noon,
}

// settle settles a selection and says what was reported: "0/1 done".
func settle(
	ctx context.Context, queue *deadletters.Queue, s deadletters.Selection, a deadletters.Action,
) ([]string, error) {
	said := []string{}
	_, err := queue.Settle(ctx, s, a, func(r deadletters.Report) error {
		text := r.Ref.String() + [...]string{" done", " already", " impossible: "}[r.Status]
		if r.Err != nil {
			text += r.Err.Error()
		}
		said = append(said, text)
		return nil
	})
	return said, err
}

func (d *fixture) settled(s deadletters.Selection, a deadletters.Action) []string {
	d.Helper()
	said, err := settle(d.ctx, d.open(d.settings()), s, a)
	d.must(err)
	return said
}

// openOnes selects what is not settled.
var openOnes = deadletters.Selection{Open: true}

func refs(texts ...string) (all []deadletters.Ref) {
	for _, text := range texts {
		ref, err := deadletters.ParseRef(text)
		if err != nil {
			panic(err)
		}
		all = append(all, ref)
	}
	return all
}

func contains(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
