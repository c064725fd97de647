package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"refold/projections"
	"refold/projections/memory"
)

var ofModels = []promise{
	{name: "whatever is done, it holds the same as one in memory", test: equalsMemory},
}

// modelChecks is how many sequences of steps are tried, each with a projection of its own, unless
// -rapid.checks says otherwise.
const modelChecks = 25

func equalsMemory(t *testing.T, s *suite) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		must(t, checks.Value.Set(strconv.Itoa(modelChecks)))
		t.Cleanup(func() { must(t, checks.Value.Set(checks.DefValue)) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		b := s.newBank()
		m := &model{ctx: t.Context(), suite: s, memory: &memory.Store{}, banks: []*bank{b, b.next()}}
		m.begin(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"begin": m.begin, "claim": m.claim, "claim another": m.claim,
			"write": m.write, "write on": m.write, "write more": m.write,
			"take over": m.takeOver, "drop": m.drop, "mend": m.mend, "compare": m.compare,
		})
		m.compare(rt)
	})
}

// model does the same with a store and with one in memory.
type model struct {
	ctx      context.Context
	suite    *suite
	memory   *memory.Store
	banks    []*bank // by version
	builds   []both  // by number
	claims   []claimed
	sequence int64
}

// both are the handles on a build.
type both struct {
	bank          *bank
	store, memory projections.OpenBuild
}

// claimed is a partition as one member knows it. Others may have claimed it since.
type claimed struct {
	build         int // of model.builds
	store, memory projections.Progress
}

// outcomes are the errors by which a caller decides.
var outcomes = []error{
	projections.ErrFenced, projections.ErrMoved, projections.ErrHeld, projections.ErrBehind,
	projections.ErrNoBuild, projections.ErrCantMerge,
}

// outcome returns the name of an error by which a caller decides.
func outcome(err error) string {
	if err == nil {
		return "success"
	}
	if _, is := errors.AsType[*projections.Poison](err); is {
		return "poison"
	}
	for _, o := range outcomes {
		if errors.Is(err, o) {
			return o.Error()
		}
	}
	return "a fault"
}

// agree fails the test unless the store has answered as the one in memory, and reports whether both did it.
func agree(t *rapid.T, store, memory error) bool {
	t.Helper()
	if outcome(store) != outcome(memory) {
		t.Fatalf("the store answers %v, and memory answers %v", store, memory)
	}
	return store == nil
}

func (m *model) begin(t *rapid.T) {
	b := m.banks[rapid.IntRange(0, len(m.banks)-1).Draw(t, "version")]
	anew := rapid.Bool().Draw(t, "anew")
	if len(m.builds) >= 5 {
		return
	}
	asked := projections.Build{Version: b.Version, Folds: "account=1"}
	store, err := m.suite.Begin(m.ctx, &b.Projection, asked, anew)
	made, err2 := m.memory.Begin(m.ctx, &b.Projection, asked, anew)
	agree(t, err, err2)
	if diff := cmp.Diff(made, store, ignoreBegan); diff != "" {
		t.Fatalf("another build is begun (- memory, + store):\n%s", diff)
	}
	if made.Number <= len(m.builds) {
		return
	}
	open := both{bank: b}
	open.store, err = m.suite.Open(m.ctx, &b.Projection, store.Number)
	open.memory, err2 = m.memory.Open(m.ctx, &b.Projection, made.Number)
	agree(t, err, err2)
	m.builds = append(m.builds, open)
}

func (m *model) build(t *rapid.T) int { return rapid.IntRange(0, len(m.builds)-1).Draw(t, "build") }

func (m *model) claim(t *rapid.T) {
	build := m.build(t)
	var asked []projections.Partition
	numbers := rapid.SliceOfNDistinct(rapid.Int32Range(0, 2), 1, 3, rapid.ID[int32])
	for _, number := range numbers.Draw(t, "partitions") {
		asked = append(asked, partition(number))
	}
	store, err := m.builds[build].store.Claim(m.ctx, asked)
	memory, err2 := m.builds[build].memory.Claim(m.ctx, asked)
	if !agree(t, err, err2) {
		return
	}
	slices.SortFunc(store, byPartition)
	slices.SortFunc(memory, byPartition)
	if diff := cmp.Diff(memory, store, ignoreEpoch); diff != "" {
		t.Fatalf("the claimed progress differs (- memory, + store):\n%s", diff)
	}
	for i := range store {
		m.claims = append(m.claims, claimed{build, store[i], memory[i]})
	}
}

// ignoreEpoch leaves out what stores may count as they like.
var ignoreEpoch = cmpopts.IgnoreFields(projections.Progress{}, "Epoch")

func (m *model) write(t *rapid.T) {
	build := m.build(t)
	if len(m.claims) == 0 {
		return
	}
	var advanced []int // of claims, one for each partition
	for _, i := range rapid.Permutation(indices(m.claims)).Draw(t, "claims") {
		same := func(j int) bool { return m.claims[j].store.Partition == m.claims[i].store.Partition }
		if m.claims[i].build == build && !slices.ContainsFunc(advanced, same) && len(advanced) < 2 {
			advanced = append(advanced, i)
		}
	}
	if len(advanced) == 0 {
		return
	}
	advanced = advanced[:rapid.IntRange(1, len(advanced)).Draw(t, "advances")]
	by := rapid.Int64Range(0, 3).Draw(t, "by")
	off := rapid.SampledFrom([]int64{0, 0, 0, 0, 1, -1}).Draw(t, "off")
	m.sequence++
	store := &projections.Batch{Changes: m.changes(t, m.builds[build].bank), States: m.states(t)}
	memory := *store
	for _, i := range advanced {
		c := m.claims[i]
		store.Advances = append(store.Advances, shifted(step(c.store, c.store.Next+by), off))
		memory.Advances = append(memory.Advances, shifted(step(c.memory, c.memory.Next+by), off))
	}
	err, err2 := m.unheld(m.builds[build].store, store), m.unheld(m.builds[build].memory, &memory)
	if len(advanced) > 1 && notTaken(err) && notTaken(err2) {
		return // each partition may have its own reason, and either may be said
	}
	if agree(t, err, err2) {
		for n, i := range advanced {
			m.claims[i].store, m.claims[i].memory = stepped(store.Advances[n]), stepped(memory.Advances[n])
		}
	}
}

// shifted is an advance that begins elsewhere.
func shifted(a projections.Advance, by int64) projections.Advance {
	a.From += by
	a.To += by
	return a
}

func indices[T any](all []T) []int {
	numbers := make([]int, len(all))
	for i := range numbers {
		numbers[i] = i
	}
	return numbers
}

func notTaken(err error) bool {
	return errors.Is(err, projections.ErrFenced) || errors.Is(err, projections.ErrMoved)
}

// unheld writes a batch as soon as the build is not held.
func (m *model) unheld(build projections.OpenBuild, b *projections.Batch) error {
	for {
		err := build.Write(m.ctx, b)
		if !errors.Is(err, projections.ErrHeld) || !pause(m.ctx) {
			return err
		}
	}
}

func (m *model) takeOver(t *rapid.T) {
	build := m.builds[m.build(t)]
	agree(t, build.store.TakeOver(m.ctx, time.Millisecond), build.memory.TakeOver(m.ctx, time.Millisecond))
}

func (m *model) drop(t *rapid.T) {
	number := m.build(t) + 1
	b := m.builds[number-1].bank
	agree(t, m.suite.Drop(m.ctx, &b.Projection, number), m.memory.Drop(m.ctx, &b.Projection, number))
}

func (m *model) mend(t *rapid.T) {
	build := m.builds[m.build(t)]
	store, err := m.progress(build.store)
	memory, err2 := m.progress(build.memory)
	if !agree(t, err, err2) || len(store) == 0 {
		return
	}
	if rapid.Bool().Draw(t, "moved") {
		store[0].Next++
		memory[0].Next++
	}
	row := drawOdd(t)
	fix := []projections.Mended{mended(build.bank.odd.Table, row, rapid.Bool().Draw(t, "row"))}
	agree(t, build.store.Mend(m.ctx, store, fix), build.memory.Mend(m.ctx, memory, fix))
}

func (m *model) progress(build projections.OpenBuild) (all []projections.Progress, err error) {
	err = build.Look(m.ctx, func(v projections.View) error {
		all, err = v.Progress(m.ctx)
		return err
	})
	slices.SortFunc(all, byPartition)
	return all, err
}

// compare fails the test unless the builds hold the same, and readers see the same.
func (m *model) compare(t *rapid.T) {
	b := m.banks[0]
	store, err := m.suite.Builds(m.ctx, b.Name)
	builds, err2 := m.memory.Builds(m.ctx, b.Name)
	agree(t, err, err2)
	if diff := cmp.Diff(builds, store, ignoreBegan, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the builds differ (- memory, + store):\n%s", diff)
	}
	for _, build := range builds {
		open := m.builds[build.Number-1]
		want, found := m.read(t, open.bank, open.memory), m.read(t, open.bank, open.store)
		for i := range want.progress {
			if i < len(found.progress) {
				want.progress[i].Epoch = found.progress[i].Epoch
			}
		}
		if diff := differences(open.bank.Tables, want, found); len(diff) > 0 {
			t.Fatalf("build %d holds something else (- memory, + store):\n%s", build.Number, diff)
		}
	}
	for _, key := range oddKeys {
		found, err := m.suite.LiveRow(m.ctx, &b.Projection, b.odd.Table, key, int64(1))
		want, err2 := m.memory.LiveRow(m.ctx, &b.Projection, b.odd.Table, key, int64(1))
		agree(t, err, err2)
		if (want != nil || found != nil) && len(rowsDiffer(b.odd.Table, key, want, found)) > 0 {
			t.Fatalf("readers see %v, and in memory %v", found, want)
		}
	}
}

func (m *model) read(t *rapid.T, b *bank, build projections.OpenBuild) (c contents) {
	t.Helper()
	err := build.Look(m.ctx, func(v projections.View) error { return c.read(m.ctx, v, b, accountIDs...) })
	if err != nil {
		t.Fatal(fmt.Errorf("reading a build: %w", err))
	}
	return c
}
