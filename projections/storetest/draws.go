package storetest

import (
	"encoding/json"
	"math"
	"time"

	"pgregory.net/rapid"

	"refold/projections"
)

var (
	accountIDs = []string{"alice", "bob", "o'hara/é"}
	oddKeys    = []string{"", "a", "b/é"}
	// fewTexts are those that are short.
	fewTexts = texts[:len(texts)-1]
)

// changes draws what a batch changes.
func (m *model) changes(t *rapid.T, b *bank) []projections.Change {
	var all projections.Changes
	for range rapid.IntRange(0, 6).Draw(t, "changes") {
		c := m.change(t, b)
		c.Sequence = m.sequence
		_ = all.Add(c) // A sum that is too large within a batch is no business of the store.
	}
	return all.Sorted()
}

func (m *model) change(t *rapid.T, b *bank) projections.Change {
	kinds := []string{"account", "odd", "delete"}
	if m.suite.can(NoMerge) {
		kinds = append(kinds, "total", "merge")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "change") {
	case "account":
		return b.put(account{
			ID: rapid.SampledFrom(accountIDs).Draw(t, "id"), Balance: rapid.Int64().Draw(t, "balance"),
			Order: m.sequence,
		})
	case "total":
		few := rapid.OneOf(rapid.Int64Range(-9, 9), rapid.SampledFrom([]int64{math.MaxInt64, math.MinInt64}))
		columns := rapid.SampledFrom([][]string{
			nil, {"amount"}, {"count", "last"}, {"amount", "count", "note"},
		})
		return b.totals.Merge(total{
			Currency: rapid.SampledFrom(currencies).Draw(t, "currency"),
			Count:    1, Amount: few.Draw(t, "amount"),
			Last: rapid.SampledFrom(fewTexts).Draw(t, "last"),
			Note: rapid.Ptr(rapid.SampledFrom(fewTexts), true).Draw(t, "note"),
		}, columns.Draw(t, "columns")...)
	case "merge":
		return b.odd.Merge(drawOdd(t), drawColumns(t, b.odd.Table)...)
	case "delete":
		return b.odd.Delete(drawOdd(t))
	default:
		return b.odd.Put(drawOdd(t))
	}
}

// drawColumns draws columns that a merge sets.
func drawColumns(t *rapid.T, table *projections.Table) (names []string) {
	for _, c := range table.Columns {
		if !c.Key && rapid.Bool().Draw(t, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

func drawOdd(t *rapid.T) odd {
	text, at := rapid.SampledFrom(fewTexts), rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64Range(-4e15, 4e15).Draw(t, "microseconds"))
	})
	raw := rapid.SliceOfN(rapid.Byte(), 0, 20)
	says := rapid.SampledFrom([]string{
		`null`, `{"b":[1,2.5e3],"a":{}}`, `"é"`, `[]`, `12345678901234567890.25`,
	})
	return odd{
		Key: rapid.SampledFrom(oddKeys).Draw(t, "key"), At: rapid.Int64Range(0, 1).Draw(t, "at"),
		About: rapid.SampledFrom(accountIDs).Draw(t, "about"), Text: text.Draw(t, "text"),
		Integer: rapid.Int64().Draw(t, "integer"), Real: rapid.Float64().Draw(t, "real"),
		Boolean: rapid.Bool().Draw(t, "boolean"), Time: at.Draw(t, "time"), Bytes: raw.Draw(t, "bytes"),
		JSON:    json.RawMessage(says.Draw(t, "json")),
		NoText:  rapid.Ptr(text, true).Draw(t, "no text"),
		NoInt:   rapid.Ptr(rapid.Int64(), true).Draw(t, "no integer"),
		NoReal:  rapid.Ptr(rapid.Float64(), true).Draw(t, "no real"),
		NoBool:  rapid.Ptr(rapid.Bool(), true).Draw(t, "no boolean"),
		NoTime:  rapid.Ptr(at, true).Draw(t, "no time"),
		NoBytes: rapid.Ptr(raw, true).Draw(t, "no bytes"),
	}
}

// states draws new states of some accounts.
func (m *model) states(t *rapid.T) (all []projections.StoredState) {
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(accountIDs), 0, 3, rapid.ID[string])
	for _, id := range ids.Draw(t, "states") {
		all = append(all, state(id, m.sequence, rapid.SampledFrom(fewTexts).Draw(t, "state")))
	}
	return all
}
