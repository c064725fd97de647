package refold_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
	"refold/kafka/local"
)

// G7, G4: whatever is wrong with the rows, and whatever commands come while a refold runs, at whichever
// moment of it: afterwards each row is the fold of all its events, and each ring is as the commands left
// it. What is written is never anything but the newest fold (the fake table checks that).
func TestRunWhileCommandsGoOn(t *testing.T) {
	c, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		w := topicOf(t, c, fmt.Sprintf("events-%d", runs))
		w.tb = t
		defer w.producer.Close()
		keys := make([]string, rapid.IntRange(1, 12).Draw(rt, "keys"))
		for i := range keys {
			keys[i] = fmt.Sprintf("key-%d", i)
		}
		act := func() {
			key := rapid.SampledFrom(keys).Draw(rt, "key")
			if rapid.IntRange(0, 3).Draw(rt, "rejected") == 0 {
				w.reject(key)
				return
			}
			w.command(key, rapid.Int64Range(-9, 9).Draw(rt, "n"))
		}
		now := func(chance int) {
			for rapid.IntRange(0, chance).Draw(rt, "acts") == 0 {
				act()
			}
		}
		w.command("first", 1) // a table whose topic holds no event at all is not touched
		for range rapid.IntRange(0, 40).Draw(rt, "commands before") {
			act()
		}
		w.damage(rt)
		w.inFlight = func(table map[string][]byte) {
			for _, key := range keys {
				w.fly(rt, table, key)
			}
		}
		w.scan = func() { now(6) }
		w.between = func() { now(1) }
		o := w.options()
		o.StepRows, o.StepEvents = rapid.IntRange(1, 4).Draw(rt, "step"), 3
		o.StepBytes, o.CacheBytes = rapid.SampledFrom([]int{1, 40, 1 << 20}).Draw(rt, "bytes"), 1<<20
		o.Observe = func(*kgo.Record) error {
			if !w.still {
				now(8)
			}
			return nil
		}
		out, err := w.run(o)
		if err != nil {
			rt.Fatal(err)
		}
		w.check()
		if w.most > o.StepRows {
			rt.Errorf("a step wrote %d rows, allowed are %d", w.most, o.StepRows)
		}
		if out.Offset != out.Events || w.steps != out.Steps {
			rt.Errorf("outcome %+v after %d steps", out, w.steps)
		}
		if t.Failed() {
			rt.FailNow()
		}
		// A second one finds nothing to do.
		w.scan, w.between, w.inFlight = func() {}, func() {}, func(map[string][]byte) {}
		o = w.options()
		out, err = w.run(o)
		if err != nil || out.Differing() != 0 || out.Steps != 0 {
			rt.Errorf("the second refold: %+v, %v", out, err)
		}
	})
}

// damage does to rows what bugs and lost disks do. Rings stay: what each must be afterwards is what it
// is then, and what commands add.
func (w *world) damage(rt *rapid.T) {
	for _, key := range slices.Sorted(maps.Keys(w.table)) {
		delete(w.older, key) // what was there before the damage is gone
		s, ring, _ := parse(w.table[key])
		switch rapid.IntRange(0, 8).Draw(rt, "damage of "+key) {
		case 0:
			delete(w.table, key)
			w.rings[key] = ""
		case 1:
			s.total += 100
			w.table[key] = rowOf(s, ring)
		case 2:
			s.sequence += rapid.Int64Range(-s.sequence, 3).Draw(rt, "sequence")
			w.table[key] = rowOf(s, ring)
		case 3:
			w.table["nobody "+strings.TrimPrefix(key, "key-")] = rowOf(sum{3, 3, 3}, ring)
		}
	}
}

// fly makes of a row what a pass may meet instead of the committed one.
func (w *world) fly(rt *rapid.T, table map[string][]byte, key string) {
	s, ring, _ := parse(table[key])
	switch rapid.IntRange(0, 6).Draw(rt, "in flight: "+key) {
	case 0: // a commit that the local store does not have yet
		if older, has := w.older[key]; has && table[key] != nil {
			table[key] = older
			if older == nil {
				delete(table, key)
			}
		}
	case 1: // a transaction that will be aborted, with an event
		if s.sequence == w.truth[key].sequence { // others have no commands, as in command
			table[key] = rowOf(sum{s.sequence + 1, s.total + 1, 1}, ring+"+")
		}
	case 2: // one without
		table[key] = rowOf(s, ring+"-")
	}
}

func topicOf(t *testing.T, c *local.Cluster, topic string) *world {
	t.Helper()
	w := worldOn(t, c, topic)
	if _, err := kafka.Ensure(t.Context(), w.producer,
		[]kafka.TopicSpec{{Name: topic, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	return w
}
