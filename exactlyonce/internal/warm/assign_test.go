package warm

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

const acceptable = 100

// drawGroup draws members that have had partitions before, and stores of some age.
func drawGroup(t *rapid.T) ([]Member, Limits) {
	l := Limits{
		Partitions: rapid.IntRange(0, 12).Draw(t, "partitions"),
		Standbys:   rapid.IntRange(0, 3).Draw(t, "standbys"), AcceptableLag: acceptable,
	}
	members := make([]Member, rapid.IntRange(1, 5).Draw(t, "members"))
	for m := range members {
		members[m] = Member{
			Generation: rapid.Int32Range(-1, 3).Draw(t, "generation"),
			Follows:    rapid.IntRange(0, 9).Draw(t, "follows") > 0,
			Rack:       rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "rack"),
			Keeps:      map[string]map[int32]Has{"table": {}},
		}
		for p := range int32(l.Partitions) {
			if rapid.Bool().Draw(t, "has") {
				next := rapid.SampledFrom([]int64{0, 50, 120, 1000, 5000}).Draw(t, "next")
				behind := rapid.SampledFrom([]int64{0, 0, 90, 3000}).Draw(t, "behind")
				members[m].Keeps["table"][p] = Has{next, behind}
			}
			if rapid.Bool().Draw(t, "owned") {
				members[m].Owned = append(members[m].Owned, p)
			}
		}
	}
	return members, l
}

// owners returns which member has each partition, and fails if there is not exactly one.
func owners(t interface{ Fatalf(string, ...any) }, plan []Given, partitions int) []int {
	owner := make([]int, partitions)
	for p := range owner {
		owner[p] = nobody
	}
	for m, given := range plan {
		for _, p := range given.Owned {
			if owner[p] != nobody {
				t.Fatalf("partition %d is given to members %d and %d", p, owner[p], m)
			}
			owner[p] = m
		}
	}
	if p := slices.Index(owner, nobody); p >= 0 {
		t.Fatalf("nobody has partition %d", p)
	}
	return owner
}

// copies returns which members follow each partition, and which of them will have it.
func copies(plan []Given, partitions int) (all [][]int, warming []int) {
	all, warming = make([][]int, partitions), make([]int, partitions)
	for p := range warming {
		warming[p] = nobody
	}
	for m, given := range plan {
		for _, s := range given.Standbys {
			all[s.Partition] = append(all[s.Partition], m)
			if s.Warming {
				warming[s.Partition] = m
			}
		}
	}
	return all, warming
}

// even reports whether loads differ by one at most.
func even(load []int) bool { return slices.Max(load)-slices.Min(load) <= 1 }

// Whatever members have and claim: each partition has one owner, as many standbys as are wanted and possible,
// and nobody waits for a restore that another member could do without.
func TestAssign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, l := drawGroup(t)
		plan := Assign(members, l)
		if again := Assign(members, l); !reflect.DeepEqual(plan, again) {
			t.Fatalf("the same group is given %v and %v", plan, again)
		}
		owner := owners(t, plan, l.Partitions)
		standbys, warming := copies(plan, l.Partitions)
		g, target := newGroup(members, l), make([]int, len(members))
		for p, m := range owner {
			able := 0
			for other := range members {
				if other != m && members[other].Follows {
					able++
				}
				if g.caughtUp(p, other) && !g.caughtUp(p, m) && members[m].Follows {
					t.Fatalf("%d has lag %d of partition %d, and %d has lag %d", m, g.lags[p][m], p,
						other, g.lags[p][other])
				}
			}
			want := min(l.Standbys, able)
			if warming[p] != nobody {
				want, m = max(want, 1), warming[p]
				if g.caughtUp(p, m) {
					t.Fatalf("%d is caught up with partition %d, and does not get it", m, p)
				}
			}
			target[m]++
			for i, s := range standbys[p] {
				if s == owner[p] || slices.Contains(standbys[p][:i], s) || !members[s].Follows {
					t.Fatalf("partition %d of %d has standbys %v", p, owner[p], standbys[p])
				}
			}
			if len(standbys[p]) != want {
				t.Fatalf("partition %d has standbys %v; want %d", p, standbys[p], want)
			}
		}
		if !even(target) {
			t.Fatalf("when all have caught up, members have %v partitions", target)
		}
	})
}

// obey returns the members after they have done as they were told, and were so for long.
func obey(members []Member, plan []Given, generation int32) []Member {
	next := slices.Clone(members)
	for m := range next {
		next[m].Owned, next[m].Generation = plan[m].Owned, generation
		keeps := map[int32]Has{}
		for p, has := range members[m].Keeps["table"] {
			keeps[p] = has
		}
		for _, p := range plan[m].Owned {
			keeps[p] = Has{Next: 1_000_000}
		}
		for _, s := range plan[m].Standbys {
			keeps[s.Partition] = Has{Next: 1_000_000 - acceptable}
		}
		next[m].Keeps = map[string]map[int32]Has{"table": keeps}
	}
	return next
}

// Once warm-ups have caught up, the next assignment is the last: it is even, and stays as it is.
func TestAssign_settles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, l := drawGroup(t)
		plan := Assign(members, l)
		members = obey(members, plan, 4)
		plan = Assign(members, l)
		owner, load := owners(t, plan, l.Partitions), make([]int, len(members))
		for _, m := range owner {
			load[m]++
		}
		_, warming := copies(plan, l.Partitions)
		for p, m := range warming {
			if m != nobody {
				t.Fatalf("%d still has to catch up with partition %d", m, p)
			}
		}
		if !even(load) {
			t.Fatalf("members have %v partitions", load)
		}
		after := owners(t, Assign(obey(members, plan, 5), l), l.Partitions)
		if !slices.Equal(owner, after) {
			t.Fatalf("partitions move without a reason, from %v to %v", owner, after)
		}
	})
}

// When a member leaves, partitions go to their standbys only: nobody has to restore one.
func TestAssign_memberLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "members")
		l := Limits{
			Partitions: rapid.IntRange(n, 24).Draw(t, "partitions"), Standbys: 1, AcceptableLag: acceptable,
		}
		members := make([]Member, n)
		for m := range members {
			members[m] = Member{Follows: true, Generation: -1, Keeps: map[string]map[int32]Has{"table": {}}}
		}
		plan := Assign(members, l)
		before := owners(t, plan, l.Partitions)
		members = obey(members, plan, 1)
		gone := rapid.IntRange(0, n-1).Draw(t, "gone")
		standbys, _ := copies(plan, l.Partitions)
		plan = Assign(slices.Delete(slices.Clone(members), gone, gone+1), l)
		after := owners(t, plan, l.Partitions)
		for p, m := range after {
			if m >= gone {
				m++ // as it was called before
			}
			if m != before[p] && !slices.Contains(standbys[p], m) {
				t.Fatalf("partition %d goes from %d to %d; its standbys are %v", p, before[p], m, standbys[p])
			}
		}
	})
}

// Assign for a group to which a member comes, or from which one goes.
func TestAssign_cases(t *testing.T) {
	full, none := map[int32]Has{0: {Next: 5000}, 1: {Next: 5000}}, map[int32]Has{}
	keeps := func(has map[int32]Has) map[string]map[int32]Has {
		return map[string]map[int32]Has{"table": has}
	}
	owner := Member{Owned: []int32{0, 1}, Generation: 7, Follows: true, Keeps: keeps(full)}
	cold := Member{Generation: -1, Follows: true, Keeps: keeps(none)}
	warm := Member{Generation: -1, Follows: true, Keeps: keeps(map[int32]Has{1: {Next: 4950}})}
	blind := Member{Generation: -1, Keeps: keeps(none)}
	stateless := Member{Generation: -1, Follows: true}
	zombie := Member{Owned: []int32{0, 1}, Generation: 6, Follows: true, Keeps: keeps(full)}
	inRack := func(m Member, rack string) Member { m.Rack = rack; return m }
	tests := []struct {
		name     string
		members  []Member
		standbys int
		want     string
	}{
		{"one member has all", []Member{cold}, 1, "[{[0 1] []}]"},
		{
			"members without tables share at once",
			[]Member{stateless, stateless},
			1,
			"[{[0] [{1 false}]} {[1] [{0 false}]}]",
		},
		{
			"a cold member warms up first",
			[]Member{owner, cold},
			1,
			"[{[0 1] []} {[] [{0 false} {1 true}]}]",
		},
		{"also without standbys", []Member{owner, cold}, 0, "[{[0 1] []} {[] [{1 true}]}]"},
		{"a warm one gets its share", []Member{owner, warm}, 1, "[{[0] [{1 false}]} {[1] [{0 false}]}]"},
		{"one that can't follow gets it cold", []Member{owner, blind}, 1, "[{[0] [{1 false}]} {[1] []}]"},
		{"the latest owner counts", []Member{zombie, owner}, 0, "[{[1] []} {[0] []}]"},
		{"standbys are in other racks", []Member{
			inRack(owner, "a"), inRack(blind, "a"), inRack(warm, "a"), inRack(stateless, "b"),
		}, 1, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := Limits{Partitions: 2, Standbys: test.standbys, AcceptableLag: acceptable}
			plan := Assign(test.members, l)
			if got := fmt.Sprint(plan); test.want != "" && got != test.want {
				t.Errorf("the plan is %s; want %s", got, test.want)
			}
			if test.want != "" {
				return
			}
			owner := owners(t, plan, l.Partitions)
			standbys, _ := copies(plan, l.Partitions)
			for p, all := range standbys {
				for _, m := range all {
					if test.members[m].Rack == test.members[owner[p]].Rack {
						t.Errorf("partition %d of %d has a standby in its own rack: %v", p, owner[p], plan)
					}
				}
			}
		})
	}
}

// A topic that a member does not keep adds nothing to its lag.
func TestAssign_withoutViews(t *testing.T) {
	has := map[int32]Has{0: {Next: 5000}, 1: {Next: 5000}}
	members := []Member{
		{Owned: []int32{0, 1}, Follows: true, Keeps: map[string]map[int32]Has{"table": has, "events": has}},
		{Generation: -1, Follows: true, Keeps: map[string]map[int32]Has{"table": has}},
		{Generation: -1, Follows: true, Keeps: map[string]map[int32]Has{"table": has, "events": {}}},
	}
	plan := Assign(members, Limits{Partitions: 2, AcceptableLag: acceptable})
	if want := "[{[0] []} {[1] []} {[] []}]"; fmt.Sprint(plan) != want {
		t.Errorf("the plan is %v; want %s", plan, want)
	}
}

// The solver finds the least cost that there is.
func TestBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, parts := rapid.IntRange(1, 4).Draw(t, "members"), rapid.IntRange(0, 5).Draw(t, "partitions")
		load := rapid.SliceOfN(rapid.IntRange(0, 2), n, n).Draw(t, "load")
		prices := make([][]price, parts)
		for p := range prices {
			prices[p] = make([]price, n)
			for m := range prices[p] {
				prices[p][m] = price{
					cost: cost{
						rackPart: rapid.Int64Range(0, 1).Draw(t, "rack"),
						movePart: rapid.Int64Range(0, 3).Draw(t, "moves"),
						lagPart:  rapid.Int64Range(0, 9).Draw(t, "lag"),
					},
					never: m > 0 && rapid.IntRange(0, 4).Draw(t, "never") == 0,
				}
			}
		}
		got, least := total(prices, load, balance(prices, load)), cost{rackPart: 1 << 40}
		each(parts, n, func(owner []int) {
			for p, m := range owner {
				if prices[p][m].never {
					return
				}
			}
			if c := total(prices, load, owner); c.less(least) {
				least = c
			}
		})
		if got != least {
			t.Fatalf("it costs %v; possible is %v", got, least)
		}
	})
}

// total is what an assignment costs.
func total(prices [][]price, load, owner []int) (sum cost) {
	load = slices.Clone(load)
	for p, m := range owner {
		sum = sum.plus(prices[p][m].cost).plus(cost{loadPart: int64(load[m])})
		load[m]++
	}
	return sum
}

// each calls fn with every assignment of partitions to members.
func each(partitions, members int, fn func(owner []int)) {
	owner := make([]int, partitions)
	var choose func(p int)
	choose = func(p int) {
		if p == partitions {
			fn(owner)
			return
		}
		for owner[p] = range members {
			choose(p + 1)
		}
	}
	choose(0)
}

// Members that have settled, and one more that comes cold.
func BenchmarkAssign(b *testing.B) {
	for _, size := range []struct{ partitions, members int }{{16, 4}, {1000, 100}} {
		b.Run(fmt.Sprintf("partitions=%d/members=%d", size.partitions, size.members), func(b *testing.B) {
			l := Limits{Partitions: size.partitions, Standbys: 1, AcceptableLag: acceptable}
			members := make([]Member, size.members+1)
			for m := range members {
				members[m] = Member{
					Follows: true, Generation: -1, Keeps: map[string]map[int32]Has{"table": {}},
				}
			}
			settled := members[:size.members]
			settled = append(obey(settled, Assign(settled, l), 1), members[size.members])
			for b.Loop() {
				Assign(settled, l)
			}
		})
	}
}
