package compat_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs/compat"
	"refold/codecs/compat/compattest"
)

// Each difference has its verdict, in both directions.
func TestDiff(t *testing.T) {
	older := parse(t, `{"type": "record", "name": "R", "namespace": "n", "doc": "Old.", "fields": [
		{"name": "owner", "type": "string"},
		{"name": "size", "type": "int"},
		{"name": "gone", "type": "string"},
		{"name": "left", "type": "string", "default": "x"},
		{"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A"]}},
		{"name": "pay", "type": ["null", {"type": "record", "name": "Card", "fields": []}]},
		{"name": "at", "type": "long"}]}`)
	newer := parse(t, `{"type": "record", "name": "R", "namespace": "n", "doc": "New.", "fields": [
		{"name": "holder", "type": "string", "aliases": ["owner"]},
		{"name": "added", "type": "int", "default": 1},
		{"name": "size", "type": "long"},
		{"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
		{"name": "state", "type": {"type": "enum", "name": "S", "symbols": ["A", "B"]}},
		{"name": "pay", "type": ["null", {"type": "record", "name": "Card", "fields": [
			{"name": "number", "type": "string"}]}]}]}`)
	want := []string{
		"R: doc Old. -> New. true true",
		"R.holder: field-renamed owner -> holder true false",
		"R.holder: aliases  -> owner true false",
		"R.added: field-added  -> int true true",
		"R.size: type int -> long true false",
		"R.at: logical-type  -> timestamp-millis true true",
		"R.state: symbols A -> A, B true false",
		"R.pay.number: field-added  -> string false true",
		"R.gone: field-removed string ->  true false",
		"R.left: field-removed string ->  true true",
		"R: order as before -> another order true true",
	}
	var got []string
	for _, c := range compat.Diff(older, newer) {
		got = append(got, fmt.Sprintf("%s: %s %s -> %s %v %v",
			c.Path, c.What, c.Was, c.Is, c.Backward, c.Forward))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A change that breaks something is among the differences, with the same verdict.
func TestDiffOfTheTable(t *testing.T) {
	for _, c := range compattest.Cases() {
		older, newer := parse(t, c.Older), parse(t, c.Newer)
		backward, forward := true, true
		for _, change := range compat.Diff(older, newer) {
			backward, forward = backward && change.Backward, forward && change.Forward
		}
		if backward != c.Want.Backward || forward != c.Want.Forward {
			t.Errorf("%s: backward %v, forward %v, want %+v: %+v", c.Name, backward, forward, c.Want,
				compat.Diff(older, newer))
		}
		if len(compat.Diff(older, older)) > 0 {
			t.Errorf("%s: a schema differs from itself", c.Name)
		}
	}
}
