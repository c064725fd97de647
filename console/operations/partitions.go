package operations

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// Groups knows the consumer groups of the installation.
type Groups interface {
	// Overview returns the groups as they were at most a few seconds ago.
	Overview(ctx context.Context) (*Overview, error)
}

// Overview is what is known of all groups and workers.
type Overview struct {
	At      time.Time // when it was asked for
	Groups  []Group
	Workers []Worker
}

// Group is a consumer group, and what it has to do.
type Group struct {
	Kind string // "aggregate", "process" or "read model"
	Name string // of the group
	// Wrong is why something about it is not known; empty: all is.
	Wrong      string
	Partitions []Partition
}

// Partition is a partition of an input of a group.
type Partition struct {
	Topic  string
	Number int32
	// Owner is the member that has it; empty: none. Standbys follow it.
	Owner    string
	Standbys []string
	// Lag is how many records wait, markers of transactions included; -1: not known.
	Lag int64
	// Oldest is when the oldest record was written that waits; zero: none waits, or it is not known.
	Oldest time.Time
	// Held are the causes for which nothing of it is handled.
	Held []string
	// Stalled is how long nothing of it was committed although something waits, if its worker has told.
	Stalled time.Duration
	// Restoring is how far the restore of its table is; nil: none is going on here.
	Restoring *Restoring
}

// Restoring is how far a restore is, in offsets.
type Restoring struct{ Start, Next, End int64 }

// Worker is a worker, and what it lacks to be ready.
type Worker struct {
	Name, Address string
	Here          bool // it serves this page
	Ready         bool
	// Missing says what is missing, by the names of the checks.
	Missing []Missing
	Wrong   string // why it could not be asked
}

// Missing is a check of a worker that does not pass.
type Missing struct{ Check, Detail string }

// The ranks of states: the lower needs attention first.
const (
	isHeld = iota
	isStalled
	isOwnerless
	isRestoring
	isLate
	isUnknown
	isBusy
	isWell
)

// The times from which a partition needs attention.
const (
	stalledFrom = 30 * time.Second
	lateFrom    = 10 * time.Second
)

// rank says how much a partition needs attention.
func (p *Partition) rank(now time.Time) int {
	switch {
	case len(p.Held) > 0:
		return isHeld
	case p.Stalled >= stalledFrom:
		return isStalled
	case p.Owner == "":
		return isOwnerless
	case p.Restoring != nil:
		return isRestoring
	case !p.Oldest.IsZero() && now.Sub(p.Oldest) >= lateFrom:
		return isLate
	case p.Lag < 0:
		return isUnknown
	case p.Lag > 0:
		return isBusy
	}
	return isWell
}

// state is a partition's state in a word.
func (p *Partition) state(now time.Time) (frame.PillKind, string) {
	switch p.rank(now) {
	case isHeld:
		return frame.Bad, "held"
	case isStalled:
		return frame.Bad, "stands still for " + words.Duration(p.Stalled.Round(time.Second))
	case isOwnerless:
		return frame.Warn, "nobody has it"
	case isRestoring:
		return frame.Wait, "restoring"
	case isLate:
		return frame.Warn, "late"
	case isUnknown:
		return frame.Plain, "not known"
	case isBusy:
		return frame.Plain, "working"
	}
	return frame.Good, "up to date"
}

// quietRows is how many partitions of a group are shown that need no attention.
const quietRows = 4

// shownGroup is a group as the page has it: what needs attention first.
type shownGroup struct {
	Group

	rows   []Partition
	hidden int
	troubles,
	lag int64
	oldest time.Time
	worst  int
}

// arrange sorts the partitions of a group, and leaves out most of those that are well unless all are asked
// for.
func arrange(g Group, now time.Time, all bool) shownGroup {
	s := shownGroup{Group: g, rows: slices.Clone(g.Partitions), worst: isWell}
	slices.SortStableFunc(s.rows, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.rank(now), b.rank(now)), -cmp.Compare(a.Lag, b.Lag),
			cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Number, b.Number))
	})
	for i := range s.rows {
		p := &s.rows[i]
		s.worst = min(s.worst, p.rank(now))
		if p.rank(now) <= isLate {
			s.troubles++
		}
		s.lag += max(0, p.Lag)
		if !p.Oldest.IsZero() && (s.oldest.IsZero() || p.Oldest.Before(s.oldest)) {
			s.oldest = p.Oldest
		}
	}
	if most := int(s.troubles) + quietRows; !all && len(s.rows) > most+1 {
		s.rows, s.hidden = s.rows[:most], len(s.rows)-most
	}
	if g.Wrong != "" {
		s.worst = min(s.worst, isUnknown)
	}
	return s
}

// partitions answers GET /console/operations/partitions?group=.
func (o *pages) partitions(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	overview, err := o.Groups.Overview(r.Context())
	if err != nil {
		return away("What the groups do", err)
	}
	only := r.URL.Query().Get("group")
	var groups []shownGroup
	for _, g := range overview.Groups {
		if only == "" || g.Name == only {
			groups = append(groups, arrange(g, p.Now, only != ""))
		}
	}
	if only != "" && len(groups) == 0 {
		return frame.NotFound("There is no such group", "No group of this program is called "+
			strconv.Quote(only)+".")
	}
	slices.SortStableFunc(groups, func(a, b shownGroup) int {
		return cmp.Or(cmp.Compare(a.worst, b.worst), -cmp.Compare(a.troubles, b.troubles))
	})
	return p.Show(w, r, "Partitions", partitions(p, overview, groups, only))
}

// summary says how much needs attention.
func summary(groups []shownGroup) (frame.PillKind, string) {
	troubles := int64(0)
	for i := range groups {
		troubles += groups[i].troubles
	}
	if troubles == 0 {
		return frame.Good, "no partition needs attention"
	}
	return frame.Warn, words.Plural(troubles, "partition needs attention", "partitions need attention")
}
