package warm

import "slices"

// standbys chooses which members follow each partition: its warm-up first; then as many as are wanted, in
// other racks than those that have the partition already, evenly, and those that lack the least.
func (g *group) standbys(owner, warming []int) [][]int {
	copies, load := make([][]int, len(owner)), make([]int, len(g.members))
	for p, m := range warming {
		if m != nobody {
			copies[p] = append(copies[p], m)
			load[m]++
		}
	}
	for range min(g.limits.Standbys, len(g.members)-1) {
		var wanting []int
		for p := range copies {
			if len(copies[p]) < g.limits.Standbys {
				wanting = append(wanting, p)
			}
		}
		prices := make([][]price, len(wanting))
		for i, p := range wanting {
			prices[i] = g.standbyPrices(p, append(slices.Clone(copies[p]), owner[p]))
		}
		for i, m := range balance(prices, load) {
			if m != nobody {
				copies[wanting[i]] = append(copies[wanting[i]], m)
				load[m]++
			}
		}
	}
	return copies
}

// standbyPrices are what it costs to let each member follow a partition that others have.
func (g *group) standbyPrices(p int, others []int) []price {
	prices := make([]price, len(g.members))
	for m := range g.members {
		if !g.members[m].Follows || slices.Contains(others, m) {
			prices[m].never = true
			continue
		}
		c := cost{lagPart: g.lags[p][m]}
		if !g.caughtUp(p, m) {
			c[movePart] = moveCold
		}
		for _, other := range others {
			if g.members[other].Rack == g.members[m].Rack {
				c[rackPart]++
			}
		}
		prices[m].cost = c
	}
	return prices
}
