package flow

import (
	"fmt"
	"strings"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// late is how old the oldest record that waits may be until whoever should have handled it counts as behind.
const late = 30 * time.Second

// Figures are what is shown of a node beside its name. Texts that are empty have nothing to say.
type Figures struct {
	State   frame.PillKind
	Word    string // of the state
	Rate    string // records a second: that come to a topic, that a reader handles
	Waiting string
	Workers string
	Owners  string // their names; only the table has room for them
}

// unknown is shown in the place of a figure that comes with the next sample.
const unknown = "…"

// figure makes the figures of a node. before may be nil: then there are no rates yet.
func figure(n *Node, before, now *Sample) Figures {
	switch {
	case now == nil:
		f := Figures{Rate: unknown}
		if n.Kind.works() {
			f.State, f.Word = frame.Wait, "not measured yet"
		}
		return f
	case n.Kind == KindDeadLetters:
		return ofLetters(n, before, now)
	case n.Kind.IsTopic():
		return Figures{Rate: rate(before, now, func(s *Sample) (int64, bool) {
			end, is := s.Ends[n.Name]
			return end, is
		})}
	case n.Kind.works():
		return ofReader(n, before, now)
	}
	return Figures{}
}

func ofLetters(n *Node, before, now *Sample) Figures {
	f := Figures{Rate: rate(before, now, func(s *Sample) (int64, bool) {
		end, is := s.Ends[n.Name]
		return end, is
	})}
	switch l := now.Letters; {
	case !l.Known:
		f.State, f.Word = frame.Wait, "not counted yet"
	case l.Count == 0:
		f.State, f.Word = frame.Good, "none within 1 h"
	default:
		f.State, f.Word = frame.Bad, words.Count(l.Count)+" within 1 h"
	}
	return f
}

func ofReader(n *Node, before, now *Sample) Figures {
	r, is := now.Readers[n.ID]
	if !is {
		return Figures{State: frame.Wait, Word: "not known yet", Rate: unknown}
	}
	if r.Off != "" {
		return Figures{State: frame.Plain, Word: r.Off}
	}
	f := Figures{
		Rate: rate(before, now, func(s *Sample) (int64, bool) {
			past, is := s.Readers[n.ID]
			return past.Next, is && past.Known && past.Build == r.Build
		}),
		Waiting: waiting(r, now.Time), Workers: workers(n, r), Owners: owners(r.Owners),
	}
	if r.Build != "" {
		f.Owners = "build " + r.Build
	}
	age := r.age(now.Time)
	switch {
	case r.Held > 0:
		f.State, f.Word = frame.Bad, words.Plural(int64(r.Held), "partition held", "partitions held")
	case r.Counted && r.Workers == 0 && r.Build != "" && r.Filling >= 0:
		f.State, f.Word = frame.Wait, "next one fills"
	case r.Counted && r.Workers == 0:
		f.State, f.Word = frame.Bad, "no worker"
	case r.Counted && r.Owned < r.Partitions:
		f.State = frame.Wait
		f.Word = fmt.Sprintf("%d of %d owned", r.Owned, r.Partitions)
	case r.Filling >= 0 && r.Build == "":
		f.State, f.Word = frame.Wait, "fills: "+percent(r.Filling)
	case !r.Known:
		f.State, f.Word = frame.Wait, "has not begun"
	case age >= late:
		f.State, f.Word = frame.Warn, "behind"
	default:
		f.State, f.Word = frame.Good, "keeps up"
	}
	return f
}

// age is how old the oldest record that waits is.
func (r Reader) age(now time.Time) time.Duration {
	if r.Waiting == 0 || r.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(r.Oldest))
}

func waiting(r Reader, now time.Time) string {
	switch {
	case !r.Known:
		return ""
	case r.Waiting == 0:
		return "nothing waits"
	case r.Oldest.IsZero():
		return words.Count(r.Waiting) + " waiting"
	}
	return words.Count(r.Waiting) + " wait, " + old(r.age(now))
}

// old is an age in a few characters.
func old(d time.Duration) string {
	if d < time.Second {
		return "< 1 s"
	}
	text := words.Relative(time.Unix(0, 0), time.Unix(0, 0).Add(d))
	return strings.TrimSuffix(text, " ago")
}

func workers(n *Node, r Reader) string {
	var parts []string
	switch {
	case n.Kind == KindProjection && r.Filling >= 0 && r.Build != "":
		parts = append(parts, "next fills: "+percent(r.Filling))
	case r.Counted:
		parts = append(parts, words.Plural(int64(r.Workers), "worker", "workers"))
	}
	if n.Kind == KindAggregate && r.Counted && r.Workers > 0 {
		switch {
		case r.Followed == 0:
			parts = append(parts, "no standby")
		case r.Followed >= r.Partitions:
			parts = append(parts, "standbys")
		default:
			parts = append(parts, fmt.Sprintf("standbys %d/%d", r.Followed, r.Partitions))
		}
	}
	return strings.Join(parts, ", ")
}

// namedOwners is how many owners are named.
const namedOwners = 8

func owners(all []Owner) string {
	var names []string
	for i, o := range all {
		if i == namedOwners {
			names = append(names, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s (%d)", o.Name, o.Partitions))
	}
	return strings.Join(names, ", ")
}

func percent(part float64) string { return fmt.Sprintf("%d %%", int(100*min(1, max(0, part)))) }

// leastBetween is the shortest time between two samples that a rate is made of.
const leastBetween = 500 * time.Millisecond

// rate is by how much a count grows in a second.
func rate(before, now *Sample, of func(*Sample) (int64, bool)) string {
	count, is := of(now)
	if !is {
		return ""
	}
	if before == nil || now.Time.Sub(before.Time) < leastBetween {
		return unknown
	}
	past, is := of(before)
	if !is {
		return unknown
	}
	a := float64(max(0, count-past)) / now.Time.Sub(before.Time).Seconds()
	switch {
	case a == 0:
		return "0/s"
	case a < 10:
		return fmt.Sprintf("%.1f/s", a)
	}
	return words.Count(int64(a+0.5)) + "/s"
}
