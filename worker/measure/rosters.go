package measure

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/exactlyonce"
)

// rosterKept is how long it is not asked again who is in a group.
const rosterKept = 10 * time.Second

// rosters are who is in groups.
type rosters struct {
	mu    sync.Mutex
	asked time.Time
	names int
	known map[string]roster
}

type roster struct {
	members  int
	owned    map[string]map[int32]bool // by topic
	followed map[int32]bool
}

// look asks who is in the groups, unless it is known. What can't be asked is not known.
func (r *rosters) look(ctx context.Context, admin *kadm.Client, names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.asked) < rosterKept && r.names == len(names) {
		return
	}
	described, _ := admin.DescribeGroups(ctx, names...) // of groups that failed, nothing is known
	if ctx.Err() != nil {
		return
	}
	r.asked, r.names, r.known = time.Now(), len(names), make(map[string]roster, len(names))
	for name, g := range described {
		if g.Err == nil || nobody(g.Err) {
			r.known[name] = rosterOf(g)
		}
	}
}

func rosterOf(g kadm.DescribedGroup) roster {
	known := roster{
		members: len(g.Members),
		owned:   make(map[string]map[int32]bool), followed: make(map[int32]bool),
	}
	for _, m := range g.Members {
		assigned, is := m.Assigned.AsConsumer()
		if !is {
			continue
		}
		for _, t := range assigned.Topics {
			if known.owned[t.Topic] == nil {
				known.owned[t.Topic] = make(map[int32]bool)
			}
			for _, p := range t.Partitions {
				known.owned[t.Topic][p] = true
			}
		}
		// Members of other kinds have told something else, or nothing.
		followed, err := exactlyonce.Follows(assigned.UserData)
		if err != nil || g.Protocol != exactlyonce.ProtocolName {
			continue
		}
		for _, p := range followed {
			known.followed[p] = true
		}
	}
	return known
}

// add puts who is in a group into its standing.
func (r *rosters) add(g Group, s *Standing, partitions int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, is := r.known[g.Name]
	if !is {
		return
	}
	s.Counted, s.Members, s.Partitions = true, known.members, partitions
	s.Owned = len(known.owned[first(g.Topics)])
	s.Followed = len(known.followed)
}
