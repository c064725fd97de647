package audit_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"refold/audit"
	"refold/system/load"
)

func TestWholeWorldPasses(t *testing.T) {
	world := wholeWorld()
	if breaches := world.Check(); len(breaches) > 0 {
		t.Fatalf("a whole world is said to be broken:\n%s", audit.Report(breaches))
	}
	var accepted, repeated int
	for _, result := range world.Results {
		if result.Accepted {
			accepted++
		}
		if result.Repeated {
			repeated++
		}
	}
	if accepted < 1000 || repeated < 100 || len(world.Results)-accepted < 1000 {
		t.Fatalf("the world shows too little: %d commands, %d accepted, %d repeated",
			len(world.Commands), accepted, repeated)
	}
}

// A command's ID is unique among the commands to one key only: here all keys share theirs.
func TestSharedIDsPass(t *testing.T) {
	ordinals := make(map[string]map[string]string) // by key and ID
	world := worldOf(func(c load.Command) string {
		if ordinals[c.Key] == nil {
			ordinals[c.Key] = make(map[string]string)
		}
		if _, again := ordinals[c.Key][c.ID]; !again {
			ordinals[c.Key][c.ID] = strconv.Itoa(len(ordinals[c.Key]))
		}
		return ordinals[c.Key][c.ID]
	})
	if breaches := world.Check(); len(breaches) > 0 {
		t.Fatalf("a whole world is said to be broken:\n%s", audit.Report(breaches))
	}
}

// middle returns the index of the first item from the middle on that fits.
func middle[T any](items []T, fits func(T) bool) int {
	half := len(items) / 2
	i := slices.IndexFunc(items[half:], fits)
	if i < 0 {
		panic("the world lacks what is to be damaged")
	}
	return half + i
}

func anyEvent(audit.Event) bool    { return true }
func accepted(r audit.Result) bool { return r.Accepted && !r.Repeated }
func rejected(r audit.Result) bool { return !r.Accepted && !r.Repeated }
func repeated(r audit.Result) bool { return r.Repeated }
func deposited(e audit.Event) bool { return e.Type == "MoneyDeposited" }

// account is what a row holds; its fields may be changed.
func account(r *audit.Row) map[string]any {
	r.State = maps.Clone(r.State)
	return r.State
}

// add adds to a balance.
func add(account map[string]any, amount int64) {
	account["balance"] = account["balance"].(int64) + amount
}

func rich(r audit.Row) bool {
	return r.State["balance"].(int64) > 0 && len(r.State["charges"].([]any)) > 0
}

// changeRow damages some row that has money and charges.
func changeRow(w *audit.World, change func(*audit.Row)) {
	for key, row := range w.Rows {
		if rich(row) {
			change(&row)
			w.Rows[key] = row
			return
		}
	}
	panic("no row to damage")
}

// Each damage is one that a worker without transactions, fencing or a staged store would do.
func TestDamageIsNoticed(t *testing.T) {
	for name, damage := range map[string]struct {
		counter audit.Counter
		do      func(*audit.World)
	}{
		"a result is lost": {audit.Lost, func(w *audit.World) {
			i := middle(w.Results, accepted)
			w.Results = slices.Delete(w.Results, i, i+1)
		}},
		"the last result is lost": {audit.Lost, func(w *audit.World) {
			w.Results = w.Results[:len(w.Results)-1]
		}},
		"a result is doubled": {audit.Doubled, func(w *audit.World) {
			i := middle(w.Results, accepted)
			w.Results = slices.Insert(w.Results, i, w.Results[i])
		}},
		"the last result is doubled": {audit.Doubled, func(w *audit.World) {
			w.Results = append(w.Results, w.Results[len(w.Results)-1])
		}},
		"results are reordered": {audit.Reordered, func(w *audit.World) {
			i := middle(w.Results, accepted)
			w.Results[i], w.Results[i+1] = w.Results[i+1], w.Results[i]
		}},
		"a repeat is handled as if it were new": {audit.Doubled, func(w *audit.World) {
			w.Results[middle(w.Results, repeated)].Repeated = false
		}},
		"a repeat gets another outcome": {audit.Outcomes, func(w *audit.World) {
			i := middle(w.Results, repeated)
			w.Results[i].Accepted = !w.Results[i].Accepted
		}},
		"a first result is marked as a repeat": {audit.Outcomes, func(w *audit.World) {
			w.Results[middle(w.Results, accepted)].Repeated = true
		}},
		"a rejection has no code": {audit.Outcomes, func(w *audit.World) {
			w.Results[middle(w.Results, rejected)].Code = ""
		}},
		"an event is lost": {audit.Lost, func(w *audit.World) {
			i := middle(w.Events, anyEvent)
			w.Events = slices.Delete(w.Events, i, i+1)
		}},
		"an account's last event is lost": {audit.Lost, func(w *audit.World) {
			w.Events = w.Events[:len(w.Events)-1]
		}},
		"an event is doubled": {audit.Doubled, func(w *audit.World) {
			i := middle(w.Events, anyEvent)
			w.Events = slices.Insert(w.Events, i, w.Events[i])
		}},
		"events are reordered": {audit.Reordered, func(w *audit.World) {
			i := middle(w.Events, anyEvent)
			j := i + 1 + slices.IndexFunc(w.Events[i+1:], func(e audit.Event) bool {
				return e.Key == w.Events[i].Key
			})
			w.Events[i], w.Events[j] = w.Events[j], w.Events[i]
		}},
		"an event has another's ID": {audit.Outcomes, func(w *audit.World) {
			w.Events[middle(w.Events, anyEvent)].ID = "account-1-1/1"
		}},
		"an event is in another partition than its command": {
			audit.Lost, func(w *audit.World) {
				w.Events[middle(w.Events, anyEvent)].Partition = 1
			},
		},
		"an event has no cause": {audit.Outcomes, func(w *audit.World) {
			w.Events[middle(w.Events, anyEvent)].Causation = "nobody"
		}},
		"an accepted command is told that it was rejected": {
			audit.Doubled, func(w *audit.World) {
				r := &w.Results[middle(w.Results, accepted)]
				r.Accepted, r.First, r.Last, r.Code = false, 0, 0, "insufficient-funds"
			},
		},
		"an event's amount is wrong": {audit.Money, func(w *audit.World) {
			e := &w.Events[middle(w.Events, deposited)]
			e.Fields = map[string]any{"amount": int64(-5), "currency": "EUR"}
		}},
		"an event and the row agree on too much": {audit.Money, func(w *audit.World) {
			e := &w.Events[middle(w.Events, deposited)]
			e.Fields = map[string]any{
				"amount": e.Fields["amount"].(int64) + 7, "currency": "EUR",
			}
			row := w.Rows[e.Key]
			add(account(&row), 7)
			w.Rows[e.Key] = row
		}},
		"a row has another balance": {audit.Rows, func(w *audit.World) {
			changeRow(w, func(r *audit.Row) { add(account(r), 1) })
		}},
		"a row is one event behind": {audit.Rows, func(w *audit.World) {
			changeRow(w, func(r *audit.Row) { r.Sequence-- })
		}},
		"a row has lost a charge": {audit.Rows, func(w *audit.World) {
			changeRow(w, func(r *audit.Row) { account(r)["charges"] = []any{} })
		}},
		"a row's ring lacks the last command": {audit.Rows, func(w *audit.World) {
			changeRow(w, func(r *audit.Row) { r.Recent = r.Recent[:len(r.Recent)-19] })
		}},
		"a row is missing": {audit.Rows, func(w *audit.World) {
			delete(w.Rows, w.Results[middle(w.Results, accepted)].Key)
		}},
		"a row is in another partition": {audit.Rows, func(w *audit.World) {
			changeRow(w, func(r *audit.Row) { r.Partition = 1 })
		}},
		"a row is of nobody": {audit.Rows, func(w *audit.World) {
			w.Rows["nobody"] = audit.Row{}
		}},
		"an offset is behind": {audit.Behind, func(w *audit.World) { w.Committed[0]-- }},
		"a partition was never committed": {audit.Behind, func(w *audit.World) {
			delete(w.Committed, 0)
		}},
		"a transaction was left open": {audit.Open, func(w *audit.World) {
			w.Undecided = append(w.Undecided, "account-events/0")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			world := wholeWorld()
			damage.do(world)
			breaches := world.Check()
			if !slices.ContainsFunc(breaches, func(b audit.Breach) bool {
				return b.Counter == damage.counter
			}) {
				t.Errorf("want %s, got:\n%s", damage.counter, audit.Report(breaches))
			}
		})
	}
}

func TestDeadLettersHaveNoResult(t *testing.T) {
	world := wholeWorld()
	i := middle(world.Results, repeated) // a repeat's absence changes nothing else
	world.DeadLetters = append(world.DeadLetters, audit.DeadLetter{Offset: world.Results[i].Offset})
	world.Results = slices.Delete(world.Results, i, i+1)
	if breaches := world.Check(); len(breaches) > 0 {
		t.Errorf("a command among the dead letters needs no result:\n%s", audit.Report(breaches))
	}
}
