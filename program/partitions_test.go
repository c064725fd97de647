package program

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/eventsourcing"
	"refold/kafka"
)

// grow gives a topic one more partition than two.
func (p *producer) grow(topic string) {
	p.t.Helper()
	if _, err := kadm.NewClient(p.client).CreatePartitions(p.t.Context(), 1, topic); err != nil {
		p.t.Fatal(err)
	}
}

// moved returns a key of a partition of two, which is in partition 2 of three: of the new one.
func moved(partition int32) string {
	for n := 0; ; n++ {
		if key := keyOf(partition, n); kafka.Partition([]byte(key), 3) == 2 {
			return key
		}
	}
}

// G2: a topic is given more partitions than those that belong to it. The worker refuses to go on, also
// when it is started again, and says why; nothing is written where the new number puts it; and what
// was committed can still be read from a worker that keeps all partitions. (One that keeps what it
// processes has nothing then: 503, no-owner.)
func TestTopicIsGivenMorePartitions(t *testing.T) {
	for _, topic := range []string{"account-commands", "account-events", "order-results", "accounts-table"} {
		t.Run(topic, func(t *testing.T) {
			t.Parallel() // each waits for the moment in which the worker looks
			i := newTestbed(t)
			w := i.start("--views.placement", "everywhere")
			key := moved(0)
			w.goesOn(key)
			p := i.producer()
			p.grow(topic)
			says := topic + " has 3"
			eventually(t, func() bool { return strings.Contains(w.text("/readyz"), says) }, w.out)
			p.put(p.open(moved(1), eventsourcing.Metadata{ID: "later"}))
			if got := w.ask(http.MethodGet, "/accounts/"+key, ""); got.status != http.StatusOK {
				t.Errorf("a read is answered by %v", got)
			}
			w.stop()

			w = i.begin()
			eventually(t, func() bool { return strings.Contains(w.text("/readyz"), says) }, w.out)
			w.stop()
			for _, r := range p.read("account-events") {
				if r.Partition != kafka.Partition(r.Key, 2) {
					t.Errorf("the event of %s is in partition %d", r.Key, r.Partition)
				}
			}
		})
	}
}

// G2: a command that is not in the partition of its key would make a second aggregate of that ID. It is
// set aside, and says where it belongs.
func TestCommandInTheWrongPartition(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	key := keyOf(0, 1)
	w.goesOn(key)
	p := i.producer()
	r := p.open(key, eventsourcing.Metadata{ID: "astray"})
	p.putInto(1, r)
	eventually(t, func() bool { return len(p.letters()) == 1 }, w.out)
	for _, letter := range p.letters() {
		if reason := header(letter, "refold_reason"); reason != "wrong-partition" {
			t.Errorf("the reason is %s", reason)
		}
		if message := header(letter, "refold_message"); !strings.Contains(message, "partition 0 of 2") {
			t.Errorf("it says %q", message)
		}
	}
	w.goesOn(keyOf(1, 1))
	if n := len(p.read("account-events")); n != 2 {
		t.Errorf("there are %d events", n)
	}
	w.stop()
}
