package sqlstoretest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"refold/projections"
	"refold/projections/sqlstore"
)

// Sizes are those of the batches of benchmarks.
var Sizes = []int{100, 1_000, 10_000}

// perAccount is how many lines an account has in a benchmark.
const perAccount = 10

// Line is a line of a bank statement, the row of benchmarks.
type Line struct {
	AccountID string    `column:"account_id,key"`
	Sequence  int64     `column:"sequence,key"`
	At        time.Time `column:"at"`
	Amount    int64     `column:"amount"`
	Balance   int64     `column:"balance"`
	Reason    string    `column:"reason"`
}

// LineOf returns the n-th line. Neighbours are of other accounts, as in a topic.
func LineOf(n int) Line {
	account := uint32(n/perAccount*perAccount) * 2654435761 // spreads them over all keys
	return Line{
		AccountID: fmt.Sprintf("account-%08x", account), Sequence: int64(n%perAccount + 1),
		At: time.Unix(int64(n), 0).UTC(), Amount: int64(n % 1000), Balance: int64(n),
		Reason: "a transfer, as agreed",
	}
}

// bench is a benchmark's projection: lines are appended, the latest of each account is put, and totals are
// added to.
type bench struct {
	customers
	lines  projections.TableOf[Line]
	totals projections.TableOf[total]
}

// Bench measures Write: rows per second that are appended (new keys), put (over rows that are there), and
// merged (sums), in batches of all sizes. With each row goes the state of its aggregate if states is in the
// name.
func Bench(b *testing.B, store *sqlstore.Store) {
	b.Helper()
	kinds := map[string]func(*bench, int) projections.Change{
		"append": func(p *bench, n int) projections.Change { return p.lines.Put(LineOf(n)) },
		"put": func(p *bench, n int) projections.Change {
			l := LineOf(n * perAccount % 200_000) // 20,000 accounts
			l.Sequence = 0
			return p.lines.Put(l)
		},
		"merge": func(p *bench, n int) projections.Change {
			row := total{Currency: fmt.Sprintf("%05d", n*7%20_000), Count: 1, Amount: int64(n)}
			return p.totals.Merge(row, "count", "amount")
		},
	}
	for _, kind := range []string{"append", "put", "merge", "append+states"} {
		for _, size := range Sizes {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				change := kinds[kind[:min(len(kind), len("append"))]]
				if err := measure(b, store, change, size, kind == "append+states"); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

func measure(
	b *testing.B, store *sqlstore.Store, change func(*bench, int) projections.Change, size int, states bool,
) error {
	b.Helper()
	p := &bench{customers: *newCustomers(nil)}
	p.lines = projections.NewTable[Line](p.table.Name + "_lines")
	p.totals = projections.NewTable[total](p.table.Name + "_totals")
	p.Tables = projections.Tables{p.lines.Table, p.totals.Table}
	ctx := context.Background()
	made, err := store.Begin(ctx, &p.Projection, projections.Build{Version: 1}, false)
	if err != nil {
		return err
	}
	build, err := store.Open(ctx, &p.Projection, made.Number)
	if err != nil {
		return err
	}
	claimed, err := build.Claim(ctx, []projections.Partition{{Topic: "events"}})
	if err != nil {
		return err
	}
	at, n := claimed[0], 0
	state := []byte(fmt.Sprintf("%120s", "a state"))
	for b.Loop() {
		b.StopTimer()
		var changes projections.Changes
		batch := projections.Batch{Advances: []projections.Advance{{
			Partition: at.Partition, Epoch: at.Epoch, From: at.Next, To: at.Next + 1,
		}}}
		for range size {
			c := change(p, n)
			n++
			if err := changes.Add(c); err != nil {
				return err
			}
		}
		batch.Changes = changes.Sorted()
		if states {
			batch.States = statesOf(batch.Changes, state)
		}
		b.StartTimer()
		if err := build.Write(ctx, &batch); err != nil {
			return err
		}
		at.Next++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	return nil
}

// statesOf returns a state for each account in changes of lines, which are sorted.
func statesOf(changes []projections.Change, state []byte) (all []projections.StoredState) {
	for _, c := range changes {
		account := c.Values[0].(string)
		if len(all) == 0 || all[len(all)-1].Subject != account {
			all = append(all, projections.StoredState{
				Aggregate: "account", Subject: account, Sequence: c.Values[1].(int64), State: state,
			})
		}
	}
	return all
}
