package program

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// tombstone is the reason of what has no value. It is not-wire-format, too.
const tombstone = "no value"

// poison is records, by the reason for which they are set aside.
func (p *producer) poison() map[codecs.Reason]*kgo.Record {
	good := []kgo.RecordHeader{
		{Key: codecs.HeaderID, Value: []byte("k")},
		{Key: codecs.HeaderType, Value: []byte("OpenAccount")},
		// Anybody may send such a header twice, or without a value.
		{Key: "route", Value: []byte("a")},
		{Key: "route", Value: []byte("b")},
		{Key: "nothing"},
		{Key: "empty", Value: []byte{}},
	}
	opens := p.encode(p.accounts.Commands, accounts.OpenAccount{Owner: "A", Currency: "EUR"})
	return map[codecs.Reason]*kgo.Record{
		codecs.ReasonUndecodable: {Value: append(opens[:len(opens):len(opens)], 1)},
		codecs.ReasonNotWireFormat: {
			Value: []byte("hello"), Headers: append(good[:len(good):len(good)],
				kgo.RecordHeader{Key: "refold_replayed", Value: []byte("0/7")}),
		},
		codecs.ReasonUnknownSchema: {Key: []byte("alice"), Value: codecs.AppendWireHeader(nil, 9999)},
		codecs.ReasonUnknownType: {
			Value: p.encode(p.orders.Commands, orders.DeliverOrder{}), Headers: good,
		},
		codecs.ReasonTooLarge:  {Key: []byte("alice"), Value: make([]byte, 1_100_000), Headers: good},
		codecs.ReasonBadHeader: {Key: []byte{}, Value: opens, Headers: good},
		tombstone:              {Key: []byte("alice"), Headers: good},
	}
}

// G8: each kind of poison is set aside once, key, value and headers as they came: also what is nil, and
// two headers of one name. The line goes on. (A panic in Decide or Evolve: processors' own tests, for
// no aggregate of this program does.)
func TestPoisonIsSetAsideAsItCame(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	p := i.producer()
	poison := p.poison()
	for _, r := range poison {
		p.put(r)
	}
	var letters map[string]*kgo.Record
	eventually(t, func() bool {
		letters = p.letters()
		return len(letters) >= len(poison)
	}, w.out)
	for reason, r := range poison {
		letter := letters[placeOf(commandsTopic, r.Partition, r.Offset)]
		if letter == nil {
			t.Errorf("%s: was not set aside", reason)
			continue
		}
		own := letter.Headers[:len(r.Headers)]
		if diff := cmp.Diff(r.Headers, own); diff != "" && len(own) > 0 {
			t.Errorf("%s: headers: %s", reason, diff)
		}
		type content struct{ Key, Value []byte }
		if diff := cmp.Diff(content{r.Key, r.Value}, content{letter.Key, letter.Value}); diff != "" {
			t.Errorf("%s: %s", reason, diff)
		}
		if reason == tombstone {
			reason = codecs.ReasonNotWireFormat
		}
		for name, want := range map[string]string{
			processors.HeaderReason:  string(reason),
			processors.HeaderVersion: sourceVersion(), processors.HeaderGroup: "accounts",
			processors.HeaderReplayTopic: commandsTopic, processors.HeaderTopic: commandsTopic,
		} {
			if got := header(letter, name); got != want {
				t.Errorf("%s: %s is %q, want %q", reason, name, got, want)
			}
		}
	}
	for _, account := range []string{"alice", "bob", "carol"} {
		w.goesOn(account)
	}
	w.stop()
}

// larger returns a command below 4 KiB whose event is above it: it names key, ID and correlation
// once, the event each of them again.
func (p *producer) larger(key string) *kgo.Record {
	return p.open(key+noise(800), eventsourcing.Metadata{ID: noise(1000), CorrelationID: noise(1000)})
}

// A command that leads to a record that is too large is set aside before anything of it is emitted.
func TestWhatLeadsToTooMuchIsSetAside(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start("--topics.record-bytes", "4KiB", "--http.body-bytes", "4KiB")
	p := i.producer()
	r := p.larger("a")
	p.put(r)
	var letter *kgo.Record
	eventually(t, func() bool {
		letter = p.letters()[placeOf(commandsTopic, r.Partition, r.Offset)]
		return letter != nil
	}, w.out)
	if got := header(letter, processors.HeaderReason); got != string(codecs.ReasonTooLarge) {
		t.Errorf("reason %q", got)
	}
	if events := p.read("account-events"); len(events) > 0 {
		t.Errorf("%d events of it", len(events))
	}
	w.goesOn("alice")
	w.stop()
}

// The twin: brokers allow less than the worker thinks. The transaction fails, again and again, and
// commands behind it wait for ever; with the limit the line goes on.
func TestWithoutTheLimitTheLineStops(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	p := i.producer()
	if _, err := kafka.Ensure(t.Context(), p.client, []kafka.TopicSpec{{
		Name: "account-events", Partitions: 2, Config: map[string]string{"max.message.bytes": "2500"},
	}}); err != nil {
		t.Fatal(err)
	}
	w := i.start()
	r := p.larger("a")
	p.put(r)
	behind := p.open("behind", eventsourcing.Metadata{ID: "behind"})
	behind.Partition = r.Partition
	p.put(behind)
	eventually(t, func() bool {
		return strings.Count(w.out.String(), "MESSAGE_TOO_LARGE") > 3 &&
			w.ask(http.MethodGet, "/readyz", "").status == http.StatusServiceUnavailable
	}, w.out)
	if n := len(p.letters()) + len(p.read("account-events")); n != 0 {
		t.Errorf("%d records came of it", n)
	}
	w.stop()

	w = i.start("--topics.record-bytes", "4KiB", "--http.body-bytes", "4KiB")
	eventually(t, func() bool { return len(p.letters()) == 1 }, w.out)
	w.goesOn("alice")
	w.stop()
}
