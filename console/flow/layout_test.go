package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// bank is a program of two aggregates.
func bank() Program {
	return Program{
		Aggregates: []Aggregate{aggregate("account", true), aggregate("order", true)},
		Processes: []Process{{
			Name: "payments", Of: "order",
			Commands: []string{"account", "order"}, Results: []string{"account"},
		}},
		Projections: []Projection{
			{Name: "accounts_current", Of: []string{"account"}, Store: "SQLite"},
			{Name: "customer_orders", Of: []string{"account", "order"}, Store: "SQLite"},
			{Name: "order_search", Of: []string{"order"}},
		},
		Reactions:   []Reaction{{Name: "receipts", Of: "order"}},
		DeadLetters: "dead-letters",
	}
}

func aggregate(name string, results bool) Aggregate {
	a := Aggregate{
		Name: name, Plural: name + "s", Commands: name + "-commands", Events: name + "-events",
		Table: name + "s-table", Sendable: true,
	}
	if results {
		a.Results = name + "-results"
	}
	return a
}

// made is a program of so many aggregates.
func made(random *rand.Rand, aggregates int) Program {
	p := Program{DeadLetters: "dead-letters"}
	name := func(int) string { return fmt.Sprintf("aggregate-%d", random.IntN(aggregates)) }
	some := func(most int) (names []string) {
		for i := range 1 + random.IntN(most) {
			if n := name(i); !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		return names
	}
	for i := range aggregates {
		a := aggregate(fmt.Sprintf("aggregate-%d", i), random.IntN(3) > 0)
		a.Sendable = random.IntN(5) > 0
		p.Aggregates = append(p.Aggregates, a)
	}
	for i := range random.IntN(aggregates) {
		p.Processes = append(p.Processes, Process{
			Name: fmt.Sprintf("process-%d", i), Of: name(i), Commands: some(3), Results: some(3),
		})
	}
	for i := range random.IntN(aggregates + 3) {
		p.Projections = append(p.Projections, Projection{
			Name: fmt.Sprintf("a_projection_with_a_long_name_%d", i), Of: some(4),
			Store: []string{"", "Postgres", "Redis"}[random.IntN(3)],
		})
	}
	for i := range random.IntN(3) {
		p.Reactions = append(p.Reactions, Reaction{fmt.Sprintf("reaction-%d", i), name(i)})
	}
	return p
}

// check holds a picture to what each one promises.
func check(t *testing.T, g *Graph) {
	t.Helper()
	p := Draw(g)
	boxes := make(map[string]*Box)
	for _, b := range p.Boxes {
		boxes[b.ID] = b
		if b.X < 0 || b.Y < headRoom || b.right() > p.Width || b.bottom() > p.Height {
			t.Errorf("%s is not in the picture of %d × %d: %+v", b.ID, p.Width, p.Height, *b)
		}
		for _, other := range p.Boxes {
			if b != other && b.X < other.right() && other.X < b.right() && b.Y < other.bottom() &&
				other.Y < b.bottom() {
				t.Errorf("%s and %s overlap", b.ID, other.ID)
			}
		}
		if got := float64(len([]rune(b.label()))) * charWidth; got > float64(b.W) {
			t.Errorf("%q does not fit into a box of %d", b.label(), b.W)
		}
	}
	if len(p.Boxes) != len(g.Nodes) || len(p.Lines) != len(g.Edges) {
		t.Errorf("%d boxes and %d lines, want %d and %d", len(p.Boxes), len(p.Lines),
			len(g.Nodes), len(g.Edges))
	}
	for _, l := range p.Lines {
		from, to := boxes[l.From], boxes[l.To]
		if from == nil || to == nil {
			t.Fatalf("a line leads from %s to %s; one of them is not there", l.From, l.To)
		}
		first, last := l.Points[0], l.Points[len(l.Points)-1]
		if first.X != from.right() || first.Y < from.Y || first.Y > from.bottom() {
			t.Errorf("the line to %s does not begin at the side of %s: %v", l.To, l.From, first)
		}
		if last.X != to.X && last.X != to.right() || last.Y < to.Y || last.Y > to.bottom() {
			t.Errorf("the line from %s does not end at a side of %s: %v", l.From, l.To, last)
		}
		for _, at := range l.Points {
			if at.X < 0 || at.Y < 0 || at.X > p.Width || at.Y > p.Height {
				t.Errorf("the line from %s to %s leaves the picture: %v", l.From, l.To, at)
			}
		}
		for i := 1; !l.Curved && i < len(l.Points); i++ {
			for _, b := range p.Boxes {
				if crosses(l.Points[i-1], l.Points[i], b) {
					t.Errorf("the line from %s to %s goes through %s", l.From, l.To, b.ID)
				}
			}
		}
	}
}

// crosses reports whether a straight line, across or down, is inside of a box somewhere.
func crosses(a, b Point, box *Box) bool {
	return max(a.X, b.X) > box.X && min(a.X, b.X) < box.right() && max(a.Y, b.Y) > box.Y &&
		min(a.Y, b.Y) < box.bottom()
}

func TestPicturesOfAllPrograms(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 1))
		g := NewGraph(made(random, 1+int(seed%14)))
		check(t, g)
		for _, n := range g.Nodes {
			check(t, g.Around(n.ID))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestTheSameGraphMakesTheSamePicture(t *testing.T) {
	first, second := Draw(NewGraph(bank())), Draw(NewGraph(bank()))
	for i := range first.Boxes {
		a, b := first.Boxes[i], second.Boxes[i]
		if a.ID != b.ID || a.X != b.X || a.Y != b.Y {
			t.Errorf("%s is at %d, %d, and then %s at %d, %d", a.ID, a.X, a.Y, b.ID, b.X, b.Y)
		}
	}
}

func TestAround(t *testing.T) {
	g := NewGraph(bank())
	has := func(around string, ids ...string) {
		t.Helper()
		part := g.Around(around)
		for _, id := range ids {
			if part.Node(id) == nil {
				t.Errorf("%s is not around %s", id, around)
			}
		}
	}
	hasNot := func(around string, ids ...string) {
		t.Helper()
		part := g.Around(around)
		for _, id := range ids {
			if part.Node(id) != nil {
				t.Errorf("%s is around %s", id, around)
			}
		}
	}
	has(AggregateID("account"), ClientsID, TopicID("account-commands"), TopicID("account-results"),
		ProcessID("payments"), ProjectionID("accounts_current"), "store.SQLite", DeadLettersID)
	hasNot(AggregateID("account"), AggregateID("order"), ReactionID("receipts"), OutsideID)
	has(ProcessID("payments"), AggregateID("account"), AggregateID("order"), TopicID("account-results"))
	hasNot(ProcessID("payments"), ProjectionID("accounts_current"), TopicID("accounts-table"))
	has(ReactionID("receipts"), OutsideID, TopicID("order-events"))
	if g.Around("nothing") != nil {
		t.Error("there is something around nothing")
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"account-events", "account-events"},
		{"a-very-long-prefix.account-events", "a-very-lo…unt-events"},
	} {
		if got := cut(c.text, 20); got != c.want {
			t.Errorf("%q is cut to %q, want %q", c.text, got, c.want)
		}
	}
}
