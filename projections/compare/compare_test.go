package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors/accounts"
	"refold/projections"
	"refold/projections/compare"
)

// names returns differences by their kind and their place, sorted.
func names(found []compare.Difference) (all []string) {
	for _, d := range found {
		all = append(all, string(d.What)+" "+d.Table+d.Aggregate+" "+d.Key+d.Subject)
	}
	slices.Sort(all)
	return all
}

func (w *world) same(what string, got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// G12: nothing is found in a sound build, however little memory there is.
func TestASoundBuild(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	report, found := w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("report", report, compare.Report{
		Build: "shown-1", Slices: 1, Events: 60, Rows: 30 + 60 + 2, States: 30,
	})
	for _, limits := range [][2]int{{9, 1000}, {1000, 1}, {20, 4}} {
		report, found = w.run(func(o *compare.Options) { o.Rows, o.States = limits[0], limits[1] })
		w.same("differences", names(found), []string(nil))
		w.same("rows and states", []int64{report.Rows, report.States}, []int64{92, 30})
	}
}

// Rows that are made of states are compared as well.
func TestABuildOfStates(t *testing.T) {
	w := newWorldOf(t, true)
	w.fill(6)
	report, found := w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("rows", report.Rows, int64(6))
	w.spoil(put(w.balances, balance{ID: "account-1", Balance: 7}), gone(w.balances, balance{ID: "account-2"}))
	_, found = w.run(nil)
	w.same("differences", names(found), []string{"differs balances account-1", "missing balances account-2"})
}

// The progress ends where the build is. Events are read no faster than is allowed.
func TestProgressAndPace(t *testing.T) {
	w := newWorld(t)
	w.fill(30)
	var told []compare.Progress
	began := time.Now()
	_, _ = w.run(func(o *compare.Options) {
		o.EventsPerSecond = 200
		o.Progress = func(p compare.Progress) { told = append(told, p) }
	})
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("60 events were read in %v", took)
	}
	last := slices.IndexFunc(told, func(p compare.Progress) bool { return p.Stage == compare.Comparing }) - 1
	want := compare.Progress{Slice: 1, Stage: compare.Folding, Done: 60, Total: 60}
	w.same("stages", []compare.Stage{told[0].Stage, told[len(told)-1].Stage},
		[]compare.Stage{compare.ReadingRows, compare.Comparing})
	w.same("progress", told[last], want)
}

// Each kind of difference of rows is found, told with what is right, and mended; and nothing else is written.
func TestDifferencesOfRows(t *testing.T) {
	w := newWorld(t)
	w.fill(10)
	w.spoil(
		gone(w.balances, balance{ID: "account-3"}),
		put(w.balances, balance{ID: "account-4", Balance: 99}),
		put(w.lines, line{ID: "account-4", Sequence: 3}),
		put(w.totals, total{"EUR", 5, 0}),
	)
	_, found := w.run(nil)
	want := []string{
		"differs balances account-4", "differs totals EUR", "extra lines account-4/3",
		"missing balances account-3",
	}
	w.same("differences", names(found), want)
	for _, d := range found {
		if d.Key != "account-4" {
			continue
		}
		told, err := json.Marshal(d)
		w.must(err)
		w.same("JSON", string(told), `{"what":"differs","table":"balances","key":"account-4",`+
			`"columns":[{"name":"balance","stored":99,"right":5}]}`)
	}
	var mended []compare.Difference
	n, err := compare.Mend(w.ctx, w.options(nil), found, func(d compare.Difference) error {
		mended = append(mended, d)
		return nil
	})
	w.must(err)
	w.same("rows written", n, len(want))
	w.same("mended", names(mended), want)
	_, found = w.run(nil)
	w.same("differences", names(found), []string(nil))
	n, err = compare.Mend(w.ctx, w.options(nil), mended, func(compare.Difference) error { return nil })
	w.must(err)
	w.same("rows written again", n, 0)
}

// States are compared, too: a projector goes on from them.
func TestDifferencesOfStates(t *testing.T) {
	w := newWorld(t)
	w.fill(6)
	for want, change := range map[compare.Kind]func(s *projections.StoredState) bool{
		compare.StateMissing: func(*projections.StoredState) bool { return false },
		compare.StateBehind:  func(s *projections.StoredState) bool { s.Sequence = 1; return true },
		compare.StateAhead:   func(s *projections.StoredState) bool { s.Sequence = 7; return true },
		compare.StateDiffers: func(s *projections.StoredState) bool { s.State = []byte("?"); return true },
	} {
		spoiled := func(all []projections.StoredState) (kept []projections.StoredState) {
			for _, s := range all {
				if s.Subject != "account-2" || change(&s) {
					kept = append(kept, s)
				}
			}
			return kept
		}
		_, found := w.run(func(o *compare.Options) { o.Open = &build{OpenBuild: w.open, states: spoiled} })
		w.same("differences", names(found), []string{string(want) + " account account-2"})
	}
}

// Whatever rows are wrong are found, and no others, by any slices; and mended.
func TestAnyRows(t *testing.T) {
	w := newWorld(t)
	w.fill(40)
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		var want []string
		var rows []projections.Mended
		for i := range 40 {
			id := fmt.Sprint("account-", i)
			switch random.IntN(6) {
			case 0:
				rows = append(rows, gone(w.lines, line{ID: id, Sequence: 2}))
				want = append(want, "missing lines "+id+"/2")
			case 1:
				rows = append(rows, put(w.balances, balance{ID: id, Balance: -1}))
				want = append(want, "differs balances "+id)
			case 2:
				rows = append(rows, put(w.balances, balance{ID: id + "-x"}))
				want = append(want, "extra balances "+id+"-x")
			}
		}
		slices.Sort(want)
		w.spoil(rows...)
		limit := 10 + random.IntN(60)
		report, found := w.run(func(o *compare.Options) {
			o.Rows, o.Seed, o.States = limit, seed, 1+random.IntN(20)
		})
		w.same("differences", names(found), want)
		if report.Slices*limit < 122 {
			w.Errorf("%d slices of %d rows can't be all", report.Slices, limit)
		}
		_, err := compare.Mend(w.ctx, w.options(nil), found, func(compare.Difference) error { return nil })
		w.must(err)
		_, found = w.run(nil)
		w.same("differences after mending", names(found), []string(nil))
	}
}

// A sample is a share of the rows: the same with the same seed, and another one with another.
func TestSample(t *testing.T) {
	w := newWorld(t)
	w.fill(100)
	var rows []projections.Mended
	for i := range 100 {
		rows = append(rows, put(w.balances, balance{ID: fmt.Sprint("account-", i), Balance: -1}))
	}
	w.spoil(rows...)
	sample := func(share float64, seed uint64, limit int) []string {
		_, found := w.run(func(o *compare.Options) { o.Sample, o.Seed, o.Rows = share, seed, limit })
		return names(found)
	}
	third := sample(0.3, 1, 0)
	if len(third) < 10 || len(third) > 60 {
		t.Errorf("%d of 100 rows are in a sample of 0.3", len(third))
	}
	w.same("by slices", sample(0.3, 1, 9), third)
	if slices.Equal(sample(0.3, 2, 0), third) {
		t.Error("another seed chooses the same rows")
	}
	w.same("all", len(sample(1, 1, 0)), 100)
}

// While events come and are projected, nothing is found in a sound build, and what is wrong is: by a view of
// one moment, and by one that is not.
func TestWhileItGoesOn(t *testing.T) {
	for name, whole := range map[string]bool{"of one moment": true, "of several moments": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fill(12)
			w.spoil(put(w.lines, line{ID: "account-5", Sequence: 1, Type: "Wrong"}))
			n := 0
			goOn := func() {
				n++
				id := "account-" + strconv.Itoa(n%12)
				w.does(id, accounts.DepositMoney{Amount: 1, Currency: []string{"EUR", "USD"}[n%2]})
				w.project()
			}
			going := &build{OpenBuild: w.open, look: func(v projections.View) projections.View {
				if whole {
					goOn() // after the moment of the view
					return v
				}
				return &loose{of: w.open, asked: goOn}
			}}
			report, found := w.run(func(o *compare.Options) { o.Open = going })
			w.same("differences", names(found), []string{"differs lines account-5/1"})
			if whole && report.Restless > 0 {
				t.Errorf("%d rows are restless", report.Restless)
			}
			if n == 0 {
				t.Error("nothing went on")
			}
		})
	}
}

// A row that changes each time it is read is not verified, and no difference, also if it changes back in
// between.
func TestRowsThatNeverHoldStill(t *testing.T) {
	w := newWorld(t)
	w.fill(4)
	report, found := w.run(func(o *compare.Options) {
		o.Open = &build{OpenBuild: w.open, look: func(projections.View) projections.View {
			return &swing{loose: loose{of: w.open, asked: func() {}}, w: w}
		}}
	})
	w.same("differences", names(found), []string(nil))
	w.same("restless", report.Restless, int64(2)) // the account's balance, and the total
}

// swing is a view during which money is paid in, and before which it is paid out again.
type swing struct {
	loose

	w     *world
	asked int
}

func (s *swing) Progress(ctx context.Context) ([]projections.Progress, error) {
	s.asked++
	if s.asked == 2 {
		s.w.does("account-2", accounts.DepositMoney{Amount: 1, Currency: "EUR"})
		s.w.project()
	} else if s.w.swung {
		s.w.does("account-2", accounts.WithdrawMoney{Amount: 1, Currency: "EUR"})
		s.w.project()
	}
	s.w.swung = s.asked == 2
	return s.loose.Progress(ctx)
}

// A row that is written before its progress is no difference if the progress comes.
func TestRowsBeforeTheirProgress(t *testing.T) {
	w := newWorld(t)
	w.fill(4)
	at := w.progress()
	w.does("account-1", accounts.DepositMoney{Amount: 5, Currency: "USD"})
	w.project()
	asked := 0
	_, found := w.run(func(o *compare.Options) {
		o.Open = &build{OpenBuild: w.open, look: func(projections.View) projections.View {
			asked++
			if asked == 1 {
				return &late{loose{of: w.open, asked: func() {}}, at}
			}
			return &loose{of: w.open, asked: func() {}}
		}}
	})
	w.same("differences", names(found), []string(nil))
}

// Events that the projection can't take are no differences, nor are those whose rows the store has refused.
func TestPoison(t *testing.T) {
	w := newWorld(t)
	w.fill(3)
	w.must(w.client.ProduceSync(w.ctx, &kgo.Record{
		Topic: w.events(), Key: []byte("account-1"), Value: []byte("?"),
	}).FirstErr())
	w.project()
	report, found := w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("poison", report.Poison, int64(1))

	w.refusing = true // the store takes the next event's state alone, and the projector writes a dead letter
	w.does("account-2", accounts.DepositMoney{Amount: 9, Currency: "EUR"})
	w.project()
	w.refusing = false
	w.does("account-2", accounts.DepositMoney{Amount: 2, Currency: "EUR"})
	w.project()
	_, found = w.run(func(o *compare.Options) { o.Group = "" })
	w.same("differences without dead letters", names(found),
		[]string{"differs totals EUR", "missing lines account-2/3"})
	report, found = w.run(nil)
	w.same("differences", names(found), []string(nil))
	w.same("poison", report.Poison, int64(2))
}

// A build that this program can't verify is refused, with what to do.
func TestBuildsOfOtherVersions(t *testing.T) {
	w := newWorld(t)
	w.fill(2)
	for want, change := range map[string]func(*compare.Options){
		"has version 1 of the projection": func(o *compare.Options) { o.Build.Version = 1 },
		"the folds account=1, this program has version 2 and the folds account=2": func(o *compare.Options) {
			o.Build.Folds = "account=1"
		},
		"is still being filled from tables": func(o *compare.Options) { o.Build.FromTables = true },
		"Sample is 1.5":                     func(o *compare.Options) { o.Sample = 1.5 },
		"Rows is -1":                        func(o *compare.Options) { o.Rows = -1 },
		"States is -1":                      func(o *compare.Options) { o.States = -1 },
		"EventsPerSecond is -1":             func(o *compare.Options) { o.EventsPerSecond = -1 },
		"Report is missing":                 func(o *compare.Options) { o.Report = nil },
		"Open is missing":                   func(o *compare.Options) { o.Open = nil },
		"Sources are 0":                     func(o *compare.Options) { o.Sources = nil },
		"which is no topic of the projection's": func(o *compare.Options) {
			o.TopicPrefix = "other."
		},
		"the topic does not hold all events of the build": func(o *compare.Options) {
			o.Open = &build{OpenBuild: w.open, look: func(v projections.View) projections.View {
				beyond := w.progress()
				for i := range beyond {
					beyond[i].Next += 100
				}
				return &late{loose{View: v, of: w.open, asked: func() {}}, beyond}
			}}
		},
	} {
		o := w.options(new([]compare.Difference))
		change(&o)
		if _, err := compare.Run(w.ctx, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
