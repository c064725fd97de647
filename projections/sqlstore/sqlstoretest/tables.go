package sqlstoretest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"refold/projections"
)

func tablesMustNotChange(t *testing.T, s *suite) {
	type later struct {
		ID     string `column:"id,key"`
		Email  string `column:"email,subject"`
		Orders int64  `column:"orders"`
		Phone  string `column:"phone"`
	}
	c := newCustomers(nil)
	_, number := s.begin(t, &c.Projection)
	changed := c.Projection
	changed.Tables = projections.Tables{projections.NewTable[later](c.table.Name).Table}
	_, err := s.Open(t.Context(), &changed, number)
	mustSay(t, err, c.table.Name, "raise the projection's Version, now 1")
	changed.Tables = append(projections.Tables{}, c.Tables...)
	changed.Tables = append(changed.Tables, projections.NewTable[later](c.table.Name+"_more").Table)
	_, err = s.Open(t.Context(), &changed, number)
	mustSay(t, err, c.table.Name+"_more", "raise the projection's Version, now 1")
}

func namesAreRefused(t *testing.T, s *suite) {
	for _, name := range []string{"refold_builds", "accounts__7", "shop_states"} {
		p := projections.Projection{
			Name: "shop", Version: 1, Tables: projections.Tables{projections.NewTable[customer](name).Table},
		}
		_, err := s.Begin(t.Context(), &p, projections.Build{Version: 1}, false)
		mustSay(t, err, "shop", name, "name")
	}
}

func tableThatIsNoMore(t *testing.T, s *suite) {
	c := newCustomers(nil)
	old := c.Projection
	gone := projections.NewTable[customer](c.table.Name + "_gone")
	old.Tables = append(projections.Tables{gone.Table}, c.Tables...)
	first, _ := s.begin(t, &old)
	must(t, first.TakeOver(t.Context(), patience))
	s.mustRead(t, "SELECT id FROM "+gone.Name)

	next := c.Projection
	next.Version = 2
	second, _ := s.begin(t, &next)
	must(t, second.TakeOver(t.Context(), patience))
	if _, err := s.read(t.Context(), "SELECT id FROM "+gone.Name); err == nil {
		t.Errorf("readers still see %s, as it was", gone.Name)
	}
	must(t, first.TakeOver(t.Context(), patience))
	s.mustRead(t, "SELECT id FROM "+gone.Name)
	must(t, s.Drop(t.Context(), &old, 2))
}

func queriesReadViews(t *testing.T, s *suite) {
	c := newCustomers(nil)
	build, _ := s.begin(t, &c.Projection)
	fill(t, build, "events",
		c.table.Put(customer{ID: "alice", Orders: 3}), c.table.Put(customer{ID: "bob's ?"}))
	must(t, build.TakeOver(t.Context(), patience))
	query := "SELECT id FROM " + c.table.Name + " WHERE orders < ? AND id <> 'why?' AND id LIKE ? -- or?"
	found, err := s.read(t.Context(), query, 3, "bob%")
	must(t, err)
	if len(found) != 1 || found[0] != "bob's ?" {
		t.Fatalf("the query returns %q; it must be %q", found, "bob's ?")
	}
}

// total is a row that all members change, by sums and by columns.
type total struct {
	Currency string `column:"currency,key"`
	Count    int64  `column:"count,sum"`
	Amount   int64  `column:"amount,sum"`
	Last     string `column:"last"`
	Note     string `column:"note"`
}

// Members of a group add to the same rows, by merges of several kinds in each batch. None waits for ever,
// none fails, nothing is lost.
func membersMergeTheSameRows(t *testing.T, s *suite) {
	const members, batches, rows = 4, 25, 40
	c := newCustomers(nil)
	totals := projections.NewTable[total](c.table.Name + "_totals")
	c.Tables = append(c.Tables, totals.Table)
	_, number := s.begin(t, &c.Projection)
	var all sync.WaitGroup
	for member := range members {
		store := s.open()
		all.Go(func() {
			err := merge(t, store, &c.Projection, totals, number, int32(member), batches, rows)
			if err != nil {
				t.Errorf("member %d: %v", member, err)
			}
		})
	}
	all.Wait()
	table := fmt.Sprintf("%s__%d", totals.Name, number)
	s.mustRead(t, "SELECT count(*) FROM "+table, strconv.Itoa(rows))
	s.mustRead(t, "SELECT DISTINCT count FROM "+table, strconv.Itoa(members*batches))
	s.mustRead(t, "SELECT DISTINCT amount FROM "+table, strconv.Itoa(2*members*batches))
}

// merge is a member: in each batch it changes each row, in one of three ways.
func merge(
	t *testing.T, store projections.Store, p *projections.Projection, totals projections.TableOf[total],
	number int, partition int32, batches, rows int,
) error {
	t.Helper()
	build, err := store.Open(t.Context(), p, number)
	if err != nil {
		return err
	}
	claimed, err := build.Claim(t.Context(), []projections.Partition{{Topic: "events", Partition: partition}})
	if err != nil {
		return err
	}
	at := claimed[0]
	for batch := range batches {
		var changes projections.Changes
		for row := range rows {
			more := [][]string{{}, {"last"}, {"note"}}[(row+batch)%3]
			columns := append([]string{"count", "amount"}, more...)
			change := totals.Merge(total{Currency: strconv.Itoa(row), Count: 1, Amount: 2}, columns...)
			if err := changes.Add(change); err != nil {
				return err
			}
		}
		advance := projections.Advance{
			Partition: at.Partition, Epoch: at.Epoch, From: at.Next, To: at.Next + 1,
		}
		err := build.Write(t.Context(), &projections.Batch{
			Changes: changes.Sorted(), Advances: []projections.Advance{advance},
		})
		if err != nil {
			return err
		}
		at.Next++
	}
	return nil
}
