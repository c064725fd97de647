package warm

// cost orders assignments. Its parts are compared from left to right, so that no sum of later parts outweighs
// an earlier one.
type cost [4]int64

// The parts of a cost.
const (
	rackPart = iota // copies of a partition that share a rack
	loadPart        // what a member has already: the sum of squares is least when loads are even
	movePart        // partitions that a member does not have
	lagPart         // records that a member has to read
)

func (c cost) plus(d cost) cost {
	for i := range c {
		c[i] += d[i]
	}
	return c
}

func (c cost) minus(d cost) cost {
	for i := range c {
		c[i] -= d[i]
	}
	return c
}

func (c cost) less(d cost) bool {
	for i := range c {
		if c[i] != d[i] {
			return c[i] < d[i]
		}
	}
	return false
}

// price is what it costs to give a partition to a member.
type price struct {
	cost

	never bool // the member may not have it
}

// nobody takes the place of a member that does not exist.
const nobody = -1

// balance gives each partition to one member, so that the sum of prices, and of what each member has when it
// gets one more, is the least possible. prices has a row for each partition, with a price for each member;
// load is what members have before. The result names a member for each partition, nobody if none may have it.
//
// It is the minimum-cost flow by successive shortest paths: partitions come one after the other, and each
// takes the cheapest chain of moves "p goes to a, a gives q to b, b gives r to c". For 1,000 partitions and
// 100 members it takes some tenths of a second.
func balance(prices [][]price, load []int) []int {
	f := flow{
		prices: prices, load: append([]int(nil), load...), owner: make([]int, len(prices)),
		edges: make([][]edge, len(load)), stale: make([]bool, len(load)), has: make([][]int, len(load)),
	}
	for m := range load {
		f.edges[m], f.stale[m] = make([]edge, len(load)), true
	}
	for p := range prices {
		f.owner[p] = nobody
	}
	for p := range prices {
		f.add(p)
	}
	return f.owner
}

// edge is the cheapest move of a partition from one member to another.
type edge struct {
	cost

	partition int // nobody: there is none
}

type flow struct {
	prices [][]price
	load   []int
	owner  []int   // by partition
	has    [][]int // partitions, by member
	edges  [][]edge
	stale  []bool // the member's edges have to be computed anew
}

// step is how a chain reaches a member.
type step struct {
	cost

	from, partition int // from: nobody at the beginning of the chain
	reached         bool
}

// add gives partition p to a member.
func (f *flow) add(p int) {
	f.refresh()
	steps := make([]step, len(f.load))
	for m := range steps {
		if !f.prices[p][m].never {
			steps[m] = step{cost: f.prices[p][m].cost, from: nobody, partition: p, reached: true}
		}
	}
	f.chain(steps)
	end, least := nobody, cost{}
	for m := range steps {
		c := steps[m].plus(cost{loadPart: int64(f.load[m])})
		if steps[m].reached && (end == nobody || c.less(least)) {
			end, least = m, c
		}
	}
	if end == nobody {
		return
	}
	f.load[end]++
	for m := end; m != nobody; m = steps[m].from {
		f.move(steps[m].partition, m)
	}
}

// chain finds the cheapest chains to all members, by Bellman and Ford: none is longer than there are members,
// and there is no cycle that costs less than nothing.
func (f *flow) chain(steps []step) {
	cheaper := make([]bool, len(steps)) // than in the round before
	for m := range steps {
		cheaper[m] = steps[m].reached
	}
	for range steps {
		next, found := make([]bool, len(steps)), false
		for from := range steps {
			if cheaper[from] {
				found = f.lengthen(steps, from, next) || found
			}
		}
		if !found {
			return
		}
		cheaper = next
	}
}

// lengthen looks for cheaper chains over one member. It notes their ends, and reports whether there are any.
func (f *flow) lengthen(steps []step, from int, cheaper []bool) (found bool) {
	for to := range steps {
		e := &f.edges[from][to]
		if e.partition == nobody {
			continue
		}
		if c := steps[from].plus(e.cost); !steps[to].reached || c.less(steps[to].cost) {
			steps[to] = step{cost: c, from: from, partition: e.partition, reached: true}
			cheaper[to], found = true, true
		}
	}
	return found
}

// move gives a partition to a member.
func (f *flow) move(p, to int) {
	if from := f.owner[p]; from != nobody {
		kept := f.has[from][:0]
		for _, q := range f.has[from] {
			if q != p {
				kept = append(kept, q)
			}
		}
		f.has[from], f.stale[from] = kept, true
	}
	f.owner[p], f.has[to], f.stale[to] = to, append(f.has[to], p), true
}

// refresh computes the edges of members whose partitions have changed.
func (f *flow) refresh() {
	for from := range f.edges {
		if !f.stale[from] {
			continue
		}
		f.stale[from] = false
		for to := range f.edges[from] {
			best := edge{partition: nobody}
			for _, p := range f.has[from] {
				if to == from || f.prices[p][to].never {
					continue
				}
				c := f.prices[p][to].minus(f.prices[p][from].cost)
				if best.partition == nobody || c.less(best.cost) {
					best = edge{c, p}
				}
			}
			f.edges[from][to] = best
		}
	}
}
