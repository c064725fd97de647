package warm

// Has is what a member has of one partition of a topic in its local store.
type Has struct {
	Next   int64 // the offset after the last record that it has
	Behind int64 // how many records it knows to be missing
}

// Member is a member of a group.
type Member struct {
	// Owned are the partitions that the member had, as of the group's Generation.
	Owned      []int32
	Generation int32
	// Follows reports whether the member can follow partitions of others.
	Follows bool
	// Rack is where the member runs, empty if that is not known.
	Rack string
	// Keeps is what the member has of the topics that it keeps in local stores, by topic and partition. A
	// topic without partitions is one that it keeps, too.
	Keeps map[string]map[int32]Has
	// Transactions is the transactional ID of the member's worker, without the numbers of its producers.
	Transactions string
}

// Limits are what a group wants.
type Limits struct {
	Partitions int // of each topic
	Standbys   int // of each partition, if there are enough members
	// AcceptableLag is how many records a member may lack of a partition, and have it all the same.
	AcceptableLag int64
}

// Standby is a partition that a member follows.
type Standby struct {
	Partition int32
	// Warming: the partition will be the member's as soon as it has caught up.
	Warming bool
}

// Given is what one member is given, in the order of partitions.
type Given struct {
	Owned    []int32
	Standbys []Standby
}

// Assign plans what each member has; the result is in the order of members.
func Assign(members []Member, l Limits) []Given {
	given := make([]Given, len(members))
	if len(members) == 0 {
		return given
	}
	g := newGroup(members, l)
	target := g.target()
	owner, warming := g.settle(target)
	copies := g.standbys(owner, warming)
	for p := range l.Partitions {
		given[owner[p]].Owned = append(given[owner[p]].Owned, int32(p))
		for _, m := range copies[p] {
			given[m].Standbys = append(given[m].Standbys, Standby{int32(p), m == warming[p]})
		}
	}
	return given
}

// group is what a plan is made from.
type group struct {
	members []Member
	limits  Limits
	lags    [][]int64 // by partition and member
	owner   []int     // who had a partition, and is caught up; nobody if nobody
}

func newGroup(members []Member, l Limits) *group {
	g := &group{
		members: members, limits: l, lags: make([][]int64, l.Partitions), owner: make([]int, l.Partitions),
	}
	ends := g.ends()
	for p := range g.lags {
		g.lags[p], g.owner[p] = make([]int64, len(members)), nobody
		for m := range members {
			for topic, partitions := range members[m].Keeps {
				g.lags[p][m] += max(ends[topic][p]-partitions[int32(p)].Next, 0)
			}
		}
	}
	for m := range members {
		for _, p := range members[m].Owned {
			if !g.is(p) || !g.caughtUp(int(p), m) {
				continue
			}
			// A member that was away claims what it had then: the latest generation is right.
			if had := g.owner[p]; had == nobody || members[had].Generation < members[m].Generation {
				g.owner[p] = m
			}
		}
	}
	return g
}

// is reports whether there is such a partition.
func (g *group) is(p int32) bool { return p >= 0 && int(p) < g.limits.Partitions }

// ends returns where each topic's partitions end, as far as any member knows.
func (g *group) ends() map[string][]int64 {
	ends := make(map[string][]int64)
	for m := range g.members {
		for topic, partitions := range g.members[m].Keeps {
			if ends[topic] == nil {
				ends[topic] = make([]int64, g.limits.Partitions)
			}
			for p, has := range partitions {
				if g.is(p) {
					ends[topic][p] = max(ends[topic][p], has.Next+max(has.Behind, 0))
				}
			}
		}
	}
	return ends
}

func (g *group) caughtUp(p, m int) bool { return g.lags[p][m] <= g.limits.AcceptableLag }

// The costs, in moves, of giving a partition to a member. A restore costs more than any other move: two warm
// ones are better than one cold one.
const (
	moveOwned = 0
	moveWarm  = 1
	moveCold  = 3
)

// target gives partitions evenly to all members.
func (g *group) target() []int {
	prices := make([][]price, g.limits.Partitions)
	for p := range prices {
		prices[p] = make([]price, len(g.members))
		for m := range g.members {
			moves := int64(moveCold)
			switch {
			case g.owner[p] == m:
				moves = moveOwned
			case g.caughtUp(p, m):
				moves = moveWarm
			}
			prices[p][m].cost = cost{movePart: moves, lagPart: g.lags[p][m]}
		}
	}
	return balance(prices, make([]int, len(g.members)))
}

// settle follows the target, but for partitions of which somebody else is caught up and the target is not:
// the target becomes a warm-up. The results name a member for each partition; warming is nobody where there
// is none.
func (g *group) settle(target []int) (owner, warming []int) {
	owner, warming = make([]int, len(target)), make([]int, len(target))
	load := make([]int, len(g.members))
	for p, m := range target {
		owner[p], warming[p] = m, nobody
		if holder := g.holder(p, load); holder != nobody && g.members[m].Follows && !g.caughtUp(p, m) {
			owner[p], warming[p] = holder, m
		}
		load[owner[p]]++
	}
	return owner, warming
}

// holder is the member that can have a partition without a restore: its owner, or one that is caught up and
// has the fewest partitions.
func (g *group) holder(p int, load []int) int {
	if g.owner[p] != nobody {
		return g.owner[p]
	}
	best := nobody
	for m := range g.members {
		if !g.caughtUp(p, m) {
			continue
		}
		if best == nobody || load[m] < load[best] || load[m] == load[best] && g.lags[p][m] < g.lags[p][best] {
			best = m
		}
	}
	return best
}
