package measure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

// Group is a consumer group, and what it reads.
type Group struct {
	Name   string
	Topics []string
}

// Reading is what is measured at one moment.
type Reading struct {
	Time time.Time
	// Ends are the ends of topics that are there, added up over their partitions.
	Ends   map[string]int64
	Groups map[string]Standing // by name
}

// Standing is how far a group has come.
type Standing struct {
	// Known says that the group has committed offsets, or has nothing to read.
	Known bool
	// Next are the offsets to which it has come, added up; Waiting is how many there are from there to the
	// ends. Markers of transactions count for a moment.
	Next, Waiting int64
	// Oldest is the time of the oldest record that waits; zero: none does, or it is not known yet.
	Oldest time.Time
	// Counted says that the group could be asked who is in it. Members is how many that are, Partitions how
	// many its first topic has, Owned how many of them a member has, Followed how many another one copies.
	Counted                              bool
	Members, Partitions, Owned, Followed int
}

// Meter measures. It is safe for concurrent use.
type Meter struct {
	settings kafka.Settings
	ages     ages
	rosters  rosters

	mu     sync.Mutex
	client *kgo.Client
	closed bool
	// stopping ends what goes on between two measurements.
	stopping context.Context //nolint:containedctx // a signal, not a request's context
	stop     context.CancelFunc
	group    sync.WaitGroup // work that goes on between two measurements
}

// New returns a meter. It connects to Kafka when it measures first.
func New(settings kafka.Settings) *Meter {
	m := &Meter{settings: settings}
	m.stopping, m.stop = context.WithCancel(context.Background())
	return m
}

// errClosed says that nothing is measured any more.
var errClosed = errors.New("the worker stops")

// Close ends all connections.
func (m *Meter) Close() {
	m.stop()
	m.mu.Lock()
	client := m.client
	m.closed, m.client = true, nil
	m.mu.Unlock()
	if client != nil {
		client.Close()
	}
	m.group.Wait()
}

func (m *Meter) connect() (*kgo.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	if m.client != nil {
		return m.client, nil
	}
	client, err := m.settings.Client()
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is wrong with the settings
	}
	m.client = client
	return client, nil
}

// Measure returns how topics and groups stand now: three requests to each broker, or two if the members of
// groups were asked for within ten seconds. Ages of what waits are read meanwhile, for the next measurement.
func (m *Meter) Measure(ctx context.Context, topics []string, groups []Group) (*Reading, error) {
	client, err := m.connect()
	if err != nil {
		return nil, err
	}
	admin := kadm.NewClient(client)
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	var ends kadm.ListedOffsets
	var committed kadm.FetchOffsetsResponses
	together, asking := errgroup.WithContext(ctx)
	together.Go(func() (err error) {
		if ends, err = admin.ListEndOffsets(asking, topics...); err != nil {
			return fmt.Errorf("ask Kafka where topics end: %w", err)
		}
		return nil
	})
	together.Go(func() error {
		committed = admin.FetchManyOffsets(asking, names...)
		return nil
	})
	together.Go(func() error {
		m.rosters.look(asking, admin, names)
		return nil
	})
	if err := together.Wait(); err != nil {
		return nil, err //nolint:wrapcheck // its parts do
	}
	r := &Reading{
		Time: time.Now(), Ends: make(map[string]int64), Groups: make(map[string]Standing, len(groups)),
	}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			r.Ends[o.Topic] += o.Offset
		}
	})
	var waits []waiting
	for _, g := range groups {
		if answer, is := committed[g.Name]; is && (answer.Err == nil || nobody(answer.Err)) {
			standing, some := m.standing(g, answer.Fetched, ends)
			m.rosters.add(g, &standing, len(ends[first(g.Topics)]))
			r.Groups[g.Name] = standing
			waits = append(waits, some...)
		}
	}
	m.readAges(client, waits)
	return r, nil
}

// nobody reports whether an error says that there is no such group, which nobody was ever in.
func nobody(err error) bool { return errors.Is(err, kerr.GroupIDNotFound) }

func first(topics []string) string {
	if len(topics) == 0 {
		return ""
	}
	return topics[0]
}

// standing adds up the partitions of a group, and returns those in which something waits.
func (m *Meter) standing(
	g Group, committed kadm.OffsetResponses, ends kadm.ListedOffsets,
) (s Standing, waits []waiting) {
	begun, ended := false, false
	for _, topic := range g.Topics {
		for partition, end := range ends[topic] {
			if end.Err != nil {
				continue
			}
			ended = ended || end.Offset > 0
			at, is := committed.Lookup(topic, partition)
			if !is || at.Err != nil || at.At < 0 {
				continue
			}
			begun = true
			s.Next += at.At
			w := waiting{g.Name, kafka.TopicPartition{Topic: topic, Partition: partition}, at.At, end.Offset}
			if m.add(&s, w) {
				waits = append(waits, w)
			}
		}
	}
	s.Known = begun || !ended
	return s, waits
}

// add adds what waits in a partition to a standing; it reports whether something does.
func (m *Meter) add(s *Standing, w waiting) bool {
	if w.next >= w.end {
		return false
	}
	oldest, none := m.ages.of(w)
	if none {
		return false // there are but markers of transactions
	}
	s.Waiting += w.end - w.next
	if !oldest.IsZero() && (s.Oldest.IsZero() || oldest.Before(s.Oldest)) {
		s.Oldest = oldest
	}
	return true
}
