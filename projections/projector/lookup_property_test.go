package projector

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/projections"
)

// linked is the counters that events of the links refer to.
var linked = []string{"a", "b", "c", "d"}

// link is what an event refers to by how much it adds, if to anything: it may be an event that there is, one
// that comes later, or none.
func link(by int64) (eventsourcing.EventRef, bool) {
	ref := eventsourcing.EventRef{Subject: linked[by/10%int64(len(linked))], Sequence: by % 10}
	return ref, ref.Sequence > 0
}

// unkept are the events that can't be looked up.
func unkept(by int64) bool { return by%7 == 3 }

// links has a line for each event: what it adds, and what the counter had that it refers to, as of that
// event.
func links() projections.Projection {
	of := projections.LookUp(counter(1), func(e Added) bool { return !unkept(e.By) })
	return projections.Projection{
		Name: "links", Version: 1, Tables: projections.Tables{lines.Table},
		Sources: []projections.Source{projections.FromEventsWith(counter(1), of,
			func(e projections.Logged[Added]) []eventsourcing.EventRef {
				if ref, is := link(e.Event.By); is {
					return []eventsourcing.EventRef{ref}
				}
				return nil
			},
			func(e projections.Event[int64, Added], found []projections.State[int64]) []projections.Change {
				line := Line{ID: e.Subject, Sequence: e.Sequence, By: e.Event.By}
				if len(found) > 0 {
					line.After = found[0].State
				}
				return []projections.Change{lines.Put(line)}
			})},
	}
}

// wantLinks folds events without a store. An event whose reference is to nothing, to what is not kept, or to
// a later event of its own partition has no row.
func wantLinks(events []event, partitions int32) map[string]string {
	type seen struct {
		at, sum int64
		kept    bool
	}
	sums, all := make(map[string]int64), make(map[eventsourcing.EventRef]seen)
	for at, e := range events {
		sums[e.id] += e.by
		all[eventsourcing.EventRef{Subject: e.id, Sequence: e.sequence}] = seen{
			int64(at), sums[e.id], !unkept(e.by),
		}
	}
	rows := make(map[string]string)
	for at, e := range events {
		ref, is := link(e.by)
		found := all[ref]
		own := kafka.Partition([]byte(e.id), partitions) == kafka.Partition([]byte(ref.Subject), partitions)
		if is && (!found.kept || own && found.at >= int64(at)) {
			continue
		}
		rows[lines.Name+"/"+lines.KeyOf(e.id, e.sequence)] = text(e.id, e.sequence, e.by, found.sum)
	}
	return rows
}

// planLogs are the topic of a plan, for readers of logs.
type planLogs [planPartitions][]*kgo.Record

func (l *planLogs) ends(context.Context, []string) (map[projections.Partition]int64, error) {
	ends := make(map[projections.Partition]int64)
	for at, log := range l {
		p := projections.Partition{Topic: topic, Partition: int32(at)}
		ends[p] = 0
		if len(log) > 0 {
			ends[p] = log[len(log)-1].Offset + 1
		}
	}
	return ends, nil
}

func (l *planLogs) read(
	_ context.Context, p projections.Partition, from int64, take func([]*kgo.Record, int64) error,
) (int64, error) {
	for _, r := range following(l[p.Partition], from, len(l[p.Partition])) {
		if err := take([]*kgo.Record{r}, r.Offset+1); err != nil {
			return from, err
		}
		from = r.Offset + 1
	}
	return from, nil
}

// noMatter is letters that nobody reads.
type noMatter struct{}

func (noMatter) send(context.Context, []poisoned) error { return nil }

// linkPlans are plans whose events refer to one another. At times nothing is read from logs, so that only
// waiting helps, until the end.
func linkPlans() *rapid.Generator[plan] {
	return rapid.Custom(func(t *rapid.T) plan {
		p := plans().Draw(t, "plan")
		for i := range p.events {
			p.events[i].by = rapid.Int64Range(0, 39).Draw(t, "by")
		}
		p.patience = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "patience")
		return p
	})
}

// G12: whatever fails and whoever else writes, a row has the state as of the event that is referred to. An
// event that refers to a later one delays nothing for ever, also in a circle.
func TestLookupsAreThoseOfAFold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		of := linkPlans().Draw(rt, "plan")
		diff := playOf(t, links(), wantLinks(of.events, planPartitions), of,
			func(b projections.OpenBuild, fail *string) projections.OpenBuild { return faulty{b, fail} })
		if diff != "" {
			rt.Fatalf("the rows are not the fold (-want +got):\n%s", diff)
		}
	})
}

// latest is the twin: of an aggregate that is looked up it has the state that it is in by now.
type latest struct{ projections.OpenBuild }

func (l latest) States(
	ctx context.Context, aggregate string, subjects []string,
) (all []projections.StoredState, err error) {
	if aggregate != projections.AsOf("counter") {
		return l.OpenBuild.States(ctx, aggregate, subjects)
	}
	for _, id := range subjects {
		ref, _ := eventsourcing.ParseEventRef(id)
		states, err := l.OpenBuild.States(ctx, "counter", []string{ref.Subject})
		if err != nil {
			return nil, err
		}
		for _, s := range states {
			all = append(all, projections.StoredState{
				Aggregate: aggregate, Subject: id, Sequence: s.Sequence, State: s.State,
			})
		}
	}
	return all, nil
}

// The twin: with whatever state there is at the moment, the same stories make other rows.
func TestTheLatestStateMakesOtherRows(t *testing.T) {
	for seed := range 200 {
		of := linkPlans().Example(seed)
		diff := playOf(t, links(), wantLinks(of.events, planPartitions), of,
			func(b projections.OpenBuild, _ *string) projections.OpenBuild { return latest{b} })
		if diff != "" {
			return
		}
	}
	t.Error("no row was another: the stories would not find what lookups protect from")
}
