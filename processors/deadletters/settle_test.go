package deadletters_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/processors"
	"refold/processors/deadletters"
)

// G8: what comes back is what was set aside, to the byte, where its key belongs.
func TestReplay(t *testing.T) {
	versions(t, func(d *fixture) {
		bytes := []byte{0, 0xff, '\n'}
		raw := letter(2, 1, "alice", "traceparent", "00-1")
		raw.Value = bytes
		d.put(raw, letter(0, 2, "bob", processors.HeaderReplayTopic, ""), letter(0, 3, "carol"))
		before := time.Now().Add(-time.Minute)
		d.equal("reports", d.settled(deadletters.Selection{Refs: refs("2/0", "0/0")}, replay),
			[]string{"2/0 done", "0/0 done"})
		records := d.committed("order-commands", partitions)
		d.equal("records", len(records), 2)
		i := slices.IndexFunc(records, func(r *kgo.Record) bool { return string(r.Key) == "alice" })
		alice := records[i]
		d.equal("value", alice.Value, bytes)
		d.equal("headers", alice.Headers, []kgo.RecordHeader{
			{Key: "ce_id", Value: []byte("id-alice")},
			{Key: "traceparent", Value: []byte("00-1")},
			{Key: deadletters.HeaderReplayed, Value: []byte("2/0")},
		})
		d.equal("partition", alice.Partition, kafka.Partition(alice.Key, partitions))
		if alice.Timestamp.Before(before) {
			d.Errorf("it happened when it was set aside, %v", alice.Timestamp)
		}

		d.equal("again", d.settled(deadletters.Selection{Refs: refs("2/0")}, replay), []string{"2/0 already"})
		d.equal("the rest", d.settled(openOnes, replay), []string{"0/1 done"})
		d.equal("nothing is left", d.settled(openOnes, replay), []string{})
		d.equal("what was replayed", d.replayed(), []string{"alice", "bob", "carol"})
		l, err := d.open(d.settings()).Get(d.ctx, refs("2/0")[0])
		d.must(err)
		d.equal("what is remembered", l.Settled, &deadletters.Settlement{
			Disposition: deadletters.Replayed, Time: noon, By: "somebody@test", Note: "why not",
			Topic: "order-commands", Letter: noon.Add(time.Minute),
		})
	})
}

func TestNilsComeBackAsNils(t *testing.T) {
	d := newFixture(t, 2)
	r := letter(0, 1, "")
	r.Key, r.Value = nil, nil
	d.put(r)
	d.settled(openOnes, replay)
	got := d.committed("order-commands", partitions)
	if len(got) != 1 || got[0].Key != nil || got[0].Value != nil {
		t.Errorf("got %v", got)
	}
}

func TestDiscard(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"), letter(0, 2, "b", processors.HeaderReplayTopic, "order-events"))
	discard := deadletters.Action{Disposition: deadletters.Discarded, Time: noon}
	d.equal("reports", d.settled(openOnes, discard), []string{"0/0 done", "0/1 done"})
	d.equal("a replay afterwards", d.settled(deadletters.Selection{}, replay),
		[]string{"0/0 already", "0/1 already"})
	d.equal("what was replayed", d.replayed(), []string{})
}

// G2, G12: an event that is put back into an events topic would be there twice. Nothing goes there,
// whatever a dead letter says; what can go goes all the same.
func TestImpossible(t *testing.T) {
	d := newFixture(t, 2)
	from := func(topic, to string) []string {
		return []string{processors.HeaderTopic, topic, processors.HeaderReplayTopic, to}
	}
	large := letter(2, 6, "large")
	large.Value = make([]byte, kafka.MaxBatchBytes-3000)
	generous := d.client(kgo.ProducerBatchMaxBytes(1<<20), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	d.put(
		letter(0, 1, "a", from("order-events", "")...),
		letter(0, 2, "b", from("order-commands", "order-events")...),
		letter(0, 3, "c", from("order-commands", "dead-letters")...),
		letter(1, 4, "d", from("account-results", "payments-loop")...),
		letter(1, 5, "e", from("order-commands", "gone")...),
	)
	d.must(generous.ProduceSync(d.ctx, large).FirstErr())
	d.put(letter(2, 7, "fine"), letter(2, 8, "cut", processors.HeaderCut, "3000000"),
		letter(2, 9, "p", append(from("order-events", ""), processors.HeaderProjection, "orders_open")...))
	selection := deadletters.Selection{
		Refs: refs("0/0", "0/1", "0/2", "1/0", "1/1", "2/0", "2/1", "2/2", "2/3", "2/4"),
	}
	dry := replay
	dry.DryRun = true
	for _, action := range []deadletters.Action{dry, replay} {
		want := map[string]string{
			"0/0": "order-events, where it came from, is no topic of commands",
			"0/1": "order-events is one", "0/2": "dead-letters is one", "1/0": "done",
			"1/1": "topic gone", "2/0": "too large", "2/1": "done",
			"2/2": "only its origin has it whole: 3000000 bytes", "2/4": "no dead letter",
			"2/3": "takes the event again. Then discard the letter (projection orders_open)",
		}
		for _, said := range d.settled(selection, action) {
			for ref, part := range want {
				if contains(said, ref+" ", part) {
					delete(want, ref)
				}
			}
		}
		if len(want) > 0 {
			t.Errorf("not said: %v", want)
		}
		if action.DryRun {
			d.equal("a dry run replays", d.replayed(), []string{})
			d.equal("a dry run settles", len(d.committed("dead-letters-settled", 1)), 0)
		}
	}
	d.equal("what was replayed", d.replayed(), []string{"fine"})
	d.equal("to the loop", len(d.committed("payments-loop", partitions)), 1)
	d.equal("events", len(d.committed("order-events", partitions)), 0)
}

// A transaction holds up everybody who reads committed: however much there is to do, each is small.
func TestTransactionsAreBounded(t *testing.T) {
	d := newFixture(t, 2)
	var ended atomic.Int32
	d.cluster.Kafka().ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		d.cluster.Kafka().KeepControl()
		ended.Add(1)
		return nil, nil, false
	})
	const letters = 1200
	d.flood(letters)
	d.equal("reports", len(d.settled(openOnes, replay)), letters)
	d.equal("transactions", ended.Load(), int32(3))
	d.equal("what was replayed", len(d.replayed()), letters)
}

// A marker of a dead letter that retention has removed is of no use to anybody; Settle removes it.
func TestMarkersOfWhatIsGoneAreRemoved(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"), letter(0, 2, "b"), letter(1, 3, "c"))
	d.settled(deadletters.Selection{Refs: refs("0/0", "0/1")}, replay)
	d.must(d.cluster.Kafka().DeleteRecords("dead-letters", 0, 1))
	d.settled(openOnes, replay)
	latest := map[string]bool{}
	for _, r := range d.committed("dead-letters-settled", 1) {
		latest[string(r.Key)] = len(r.Value) > 0
	}
	d.equal("markers", latest, map[string]bool{"0/0": false, "0/1": true, "1/0": true})
}

// The topic of dead letters was deleted and made again: another dead letter has the place of one that
// was replayed. It is open.
func TestMarkersOfAnotherTopic(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"))
	d.settled(openOnes, replay)
	d.must(d.cluster.Kafka().DeleteTopic("dead-letters"))
	d.must(d.cluster.Kafka().CreateTopic("dead-letters", partitions, nil))
	d.plain = d.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	d.put(letter(0, 2, "b"))
	d.equal("reports", d.settled(openOnes, replay), []string{"0/0 done"})
	d.equal("what was replayed", d.replayed(), []string{"a", "b"})
	d.equal("again", d.settled(deadletters.Selection{}, replay), []string{"0/0 already"})
}

// A marker that nobody can read counts: a record that comes twice is worse than a question.
func TestIllegibleMarkers(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"), letter(0, 2, "b"))
	for key, value := range map[string]string{"0/0": "{", "no place": "x"} {
		d.put(&kgo.Record{Topic: "dead-letters-settled", Key: []byte(key), Value: []byte(value)})
	}
	d.equal("reports", d.settled(deadletters.Selection{}, replay), []string{"0/0 already", "0/1 done"})
}
