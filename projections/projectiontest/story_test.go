package projectiontest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/processors"
	"refold/projections"
	"refold/projections/projectiontest"
)

// The jar and the bank are aggregates of which the projections of the tests take events.
type (
	Jar     struct{ Coins int64 }
	Deposit struct{}

	jarEvent  interface{ isJarEvent() }
	Dropped   struct{ Coins int64 }
	bankEvent interface{ isBankEvent() }
	Moved     struct{ Coins int64 }
)

func (Dropped) isJarEvent() {}
func (Moved) isBankEvent()  {}

func jar() processors.Aggregate[Jar, Deposit, jarEvent] {
	return processors.Aggregate[Jar, Deposit, jarEvent]{
		Name: "jar", Plural: "jars",
		Evolve: func(j Jar, e eventsourcing.Recorded[jarEvent]) Jar {
			j.Coins += e.Event.(Dropped).Coins
			return j
		},
	}
}

func bank() processors.Aggregate[Jar, Deposit, bankEvent] {
	return processors.Aggregate[Jar, Deposit, bankEvent]{
		Name: "bank", Plural: "banks",
		Evolve: func(j Jar, e eventsourcing.Recorded[bankEvent]) Jar {
			j.Coins += e.Event.(Moved).Coins
			return j
		},
	}
}

type (
	inJar struct {
		ID    string    `column:"id,key"`
		Coins int64     `column:"coins"`
		Since time.Time `column:"since"`
		Note  *string   `column:"note"`
	}
	saved struct {
		ID    string `column:"id,key"`
		Coins int64  `column:"coins,sum"`
	}
	unknown struct{}
)

var (
	jars = projections.NewTable[inJar]("jars")
	sums = projections.NewTable[saved]("sums")
)

// savings is in jars and in the bank.
func savings() projections.Projection {
	return projections.Projection{
		Name: "savings", Version: 1, Tables: projections.Tables{jars.Table, sums.Table},
		Sources: []projections.Source{
			projections.FromEvents(jar(), func(e projections.Event[Jar, jarEvent]) []projections.Change {
				by := e.Event.(Dropped).Coins
				if by == 0 {
					panic("nothing was dropped")
				}
				return []projections.Change{
					jars.Put(inJar{ID: e.Subject, Coins: e.After.Coins, Since: e.Time}),
					sums.Merge(saved{ID: "all", Coins: by}, "coins"),
				}
			}),
			projections.FromEvents(bank(), func(e projections.Event[Jar, bankEvent]) []projections.Change {
				by := e.Event.(Moved).Coins
				return []projections.Change{sums.Merge(saved{ID: "all", Coins: by}, "coins")}
			}),
		},
	}
}

// changed has jars as the bank was when it told to drop something.
func changed() projections.Projection {
	p := savings()
	p.Sources[0] = projections.FromEventsWith(jar(), projections.LookUp(bank(), nil),
		func(e projections.Logged[jarEvent]) []eventsourcing.EventRef {
			cause, _ := eventsourcing.CauseOf("saver", e.CausationID)
			return []eventsourcing.EventRef{cause.Origin}
		},
		func(e projections.Event[Jar, jarEvent], found []projections.State[Jar]) []projections.Change {
			return []projections.Change{jars.Put(inJar{ID: e.Subject, Coins: found[0].State.Coins})}
		})
	return p
}

// A state is looked up as of the event that is named, though later ones are in the same batch.
func TestStory_lookups(t *testing.T) {
	projectiontest.Of(t, changed()).
		Given("main", Moved{1}, Moved{2}, Moved{3}).
		Caused("main/2/saver.0").
		Given("a", Dropped{9}).
		Then(inJar{ID: "a", Coins: 3}).
		Given("main", Moved{4}).
		Caused("main/4/saver.0").
		Given("b", Dropped{9}).
		Then(inJar{ID: "a", Coins: 3}, inJar{ID: "b", Coins: 10})
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestStory(t *testing.T) {
	begun := projectiontest.Of(t, savings()).ThenEmpty().
		Given("a", Dropped{1}).
		Given("main", Moved{7}).
		At(noon).
		Given("a", Dropped{2}, Dropped{3}).
		Then(inJar{ID: "a", Coins: 6, Since: noon}).
		Then(saved{ID: "all", Coins: 13}, inJar{ID: "a", Coins: 6, Since: noon})
	// Two stories go on from one.
	begun.Given("b", Dropped{1}).Then(saved{ID: "all", Coins: 14})
	begun.Given("b", Dropped{2}).Then(saved{ID: "all", Coins: 15},
		inJar{ID: "b", Coins: 2, Since: noon}, inJar{ID: "a", Coins: 6, Since: noon})
	begun.Then(saved{ID: "all", Coins: 13})
}

// failures is a testing.TB that remembers instead of failing.
type failures struct {
	testing.TB
	text string
}

// stopped is how a test ends that has failed.
type stopped struct{}

func (f *failures) Helper() {}

func (f *failures) Fatal(args ...any) {
	f.text = fmt.Sprint(args...)
	panic(stopped{})
}

func (f *failures) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }

// A story fails, and says why.
func TestStoryFails(t *testing.T) {
	note := "null"
	byState := savings()
	byState.Sources = []projections.Source{
		projections.FromStates(jar(), func(s projections.State[Jar]) []projections.Change {
			return []projections.Change{jars.Put(inJar{ID: fmt.Sprint(s.Sequence), Coins: s.State.Coins})}
		}),
	}
	for name, c := range map[string]struct {
		story func(projectiontest.Story)
		of    projections.Projection
		want  []string
	}{
		"a value differs": {
			func(s projectiontest.Story) { s.Given("a", Dropped{1}).Then(inJar{ID: "a", Coins: 2}) },
			savings(),
			[]string{"table jars differs", `- id="a" coins=2`, `+ id="a" coins=1`},
		},
		"null is not a text": {
			func(s projectiontest.Story) {
				s.Given("a", Dropped{1}).Then(inJar{ID: "a", Coins: 1, Note: &note})
			}, savings(),
			[]string{"note=null", `note="null"`},
		},
		"a row is missing": {
			func(s projectiontest.Story) {
				s.Given("a", Dropped{1}).Then(inJar{ID: "a", Coins: 1}, inJar{ID: "b", Coins: 1})
			}, savings(),
			[]string{"table jars differs", `- id="b"`},
		},
		"a row is too much": {
			func(s projectiontest.Story) {
				s.Given("a", Dropped{1}).Given("b", Dropped{1}).Then(inJar{ID: "a", Coins: 1})
			}, savings(),
			[]string{"table jars differs", `+ id="b"`},
		},
		"a table is not empty": {
			func(s projectiontest.Story) { s.Given("main", Moved{1}).ThenEmpty() }, savings(),
			[]string{"table sums differs"},
		},
		"a batch makes other rows": {
			func(s projectiontest.Story) {
				s.Given("a", Dropped{1}, Dropped{1}).Then(inJar{ID: "1", Coins: 1}, inJar{ID: "2", Coins: 2})
			}, byState,
			[]string{"table jars differs when all events are one batch", `- id="1"`},
		},
		"an event is poison": {
			func(s projectiontest.Story) {
				s.Given("a", Dropped{1}, Dropped{0}).Then(saved{ID: "all", Coins: 1})
			}, savings(),
			[]string{"event 2 of jar/a", "nothing was dropped"},
		},
		"an event is of no aggregate": {
			func(s projectiontest.Story) { s.Given("a", 7).ThenEmpty() }, savings(),
			[]string{"a int is no event"},
		},
		"a row is of no table": {
			func(s projectiontest.Story) { s.Then(unknown{}) }, savings(),
			[]string{"the projection savings has no table with rows of type projectiontest_test.unknown"},
		},
		"a state was not there before": {
			func(s projectiontest.Story) {
				s.Caused("main/1/saver.0").Given("a", Dropped{1}).Given("main", Moved{1}).ThenEmpty()
			}, changed(),
			[]string{"event 1 of jar/a", "projection-lookup", `event 1 of bank "main"`, "no such event"},
		},
		"the projection has a mistake": {
			func(projectiontest.Story) {}, projections.Projection{Name: "savings"}, []string{"Version is 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &failures{TB: t}
			func() {
				defer func() {
					if p := recover(); p != nil && p != any(stopped{}) {
						panic(p)
					}
				}()
				c.story(projectiontest.Of(f, c.of))
			}()
			if f.text == "" {
				t.Fatal("the story did not fail")
			}
			for _, want := range c.want {
				if !strings.Contains(f.text, want) {
					t.Errorf("the failure does not say %q:\n%s", want, f.text)
				}
			}
		})
	}
}
