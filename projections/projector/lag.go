package projector

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/kafka"
	"refold/projections"
)

// Lag is how far a build is behind in a partition that this process has.
type Lag struct {
	Projection string
	// Build is its number, Status what it was when the store was asked last.
	Build  int
	Status projections.Status
	projections.Partition
	// Next is the offset that is taken next, End that behind the last committed record.
	Next, End int64
	// Records is how many offsets there are between, those of aborted records and of markers included.
	Records int64
	// Age is how old the oldest record is that is not taken: of records that have not come from Kafka yet,
	// that of the last one that was. It is 0 if there is none.
	Age time.Duration
	// Held is why no record is taken any more; nil: they are.
	Held error
	// Waits is the state that the next record looks up and that is not there yet; empty: none.
	Waits string
}

// lag returns how far the partition is behind, now. end is its end as far as the caller knows.
func (s shown) lag(end int64) Lag {
	l := Lag{Partition: s.Partition, Next: s.next, End: max(s.end, end), Held: s.held, Waits: s.waiting}
	l.Records = max(0, l.End-l.Next)
	if l.Records > 0 && !s.oldest.IsZero() {
		l.Age = max(0, time.Since(s.oldest))
	}
	return l
}

// endsEvery is how often the ends of the events topics are asked for.
const endsEvery = time.Second

// ends returns the last stable offsets of topics.
func (s *shared) ends(ctx context.Context, topics []string) (map[projections.Partition]int64, error) {
	listed, err := kadm.NewClient(s.client).ListCommittedOffsets(ctx, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the callers say what was asked
	}
	ends := make(map[projections.Partition]int64)
	listed.Each(func(o kadm.ListedOffset) {
		ends[projections.Partition{Topic: o.Topic, Partition: o.Partition}] = o.Offset
	})
	return ends, nil
}

// watchEnds keeps the ends of all events topics, so that lag is known of partitions of which nothing comes.
func (p *Projector) watchEnds(ctx context.Context) {
	const asking = "ask where the events topics end"
	var topics []string
	for _, one := range p.projections {
		topics = append(topics, one.topics...)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	for {
		ends, err := p.ends(ctx, topics)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.health.failed(asking, err)
		default:
			p.health.ended(asking)
			p.mu.Lock()
			p.known = ends
			p.mu.Unlock()
		}
		kafka.Sleep(ctx, endsEvery)
	}
}

// running is a build that runs in this process.
type running struct {
	projections.Build

	// lag is that of the partitions which the process has; partitions is how many there are.
	lag        []Lag
	partitions int
}

// running returns the projection's builds that run, and how far they are.
func (r *runner) running(ends map[projections.Partition]int64) (all []running) {
	partitions := 0
	for p := range ends {
		if slices.Contains(r.topics, p.Topic) {
			partitions++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.started {
		b := running{Build: one.build, partitions: partitions}
		for _, m := range one.members {
			b.lag = append(b.lag, m.lag(ends)...)
		}
		for _, now := range r.seen {
			if now.Number == b.Number {
				b.Build = now
			}
		}
		for i := range b.lag {
			b.lag[i].Projection, b.lag[i].Build, b.lag[i].Status = b.Projection, b.Number, b.Status
		}
		all = append(all, b)
	}
	return all
}

// Lag returns how far all builds are behind in the partitions that this process has, by projection, build and
// partition.
func (p *Projector) Lag() []Lag {
	p.mu.Lock()
	ends := p.known
	p.mu.Unlock()
	var all []Lag
	for _, one := range p.projections {
		for _, b := range one.running(ends) {
			all = append(all, b.lag...)
		}
	}
	slices.SortFunc(all, func(a, b Lag) int {
		return cmp.Or(cmp.Compare(a.Projection, b.Projection), cmp.Compare(a.Build, b.Build),
			a.Partition.Compare(b.Partition))
	})
	return all
}
