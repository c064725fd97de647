package owners

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

// said is an announcement of pod, received at noon plus heard.
type said struct {
	pod        string
	generation int32
	partitions []int32
	offset     int64
	heard      time.Duration
	age        time.Duration // by the clock of the pod, when it was heard
	old        bool          // it was in the topic before
	tombstone  bool
}

func (s said) in(t *table) {
	now := noon.Add(s.heard)
	written := now.Add(-s.age)
	a := &announcement{
		Address: s.pod + ":80", Generation: s.generation, Partitions: s.partitions, At: written,
	}
	if s.tombstone {
		a = nil
	}
	t.put(key{"accounts", s.pod}, a, s.offset, written, now, s.old)
}

func TestWhichAnnouncementCounts(t *testing.T) {
	const second = time.Second
	one := []int32{1}
	for _, test := range []struct {
		name string
		all  []said
		at   time.Duration
		want string // empty: nobody is known
	}{
		{"nobody has announced anything", nil, 0, ""},
		{"one has", []said{{pod: "a", generation: 1, partitions: one}}, second, "a"},
		{"one has, another partition", []said{{pod: "a", partitions: []int32{0, 2}}}, second, ""},
		{"the higher generation counts", []said{
			{pod: "a", generation: 8, partitions: one, offset: 1},
			{pod: "b", generation: 7, partitions: one, offset: 2},
		}, second, "a"},
		{"of one generation the later record", []said{
			{pod: "a", generation: 7, partitions: one, offset: 1},
			{pod: "b", generation: 7, partitions: one, offset: 2},
		}, second, "b"},
		{"it no longer counts when it is not repeated", []said{{pod: "a", partitions: one}}, 31 * second, ""},
		{"the group was deleted: what is not repeated gives way to lower generations", []said{
			{pod: "a", generation: 57, partitions: one, offset: 1},
			{pod: "b", generation: 1, partitions: one, offset: 2, heard: 25 * second},
		}, 31 * second, "b"},
		{"a pod has lost the partition", []said{
			{pod: "a", generation: 7, partitions: one, offset: 1},
			{pod: "a", generation: 8, partitions: []int32{0}, offset: 2},
		}, second, ""},
		{"a pod has stopped", []said{
			{pod: "a", partitions: one, offset: 1}, {pod: "a", tombstone: true, offset: 2},
		}, second, ""},
		{"a clock is an hour behind: it counts when it is received", []said{
			{pod: "a", partitions: one, age: time.Hour},
		}, second, "a"},
		{"a clock is an hour ahead: it counts no longer for that", []said{
			{pod: "a", partitions: one, age: -time.Hour},
		}, 31 * second, ""},
		{"it was there before, not long ago", []said{
			{pod: "a", partitions: one, age: 80 * second, old: true},
		}, second, "a"},
		{"it was there before, from a pod that has died since", []said{
			{pod: "a", partitions: one, age: 91 * second, old: true},
		}, second, ""},
		{"it was there before, by a clock that is ahead", []said{
			{pod: "a", partitions: one, age: -time.Hour, old: true},
		}, 31 * second, ""},
		{"the topic is read again: what was replaced stays so", []said{
			{pod: "a", generation: 8, partitions: one, offset: 5},
			{pod: "a", generation: 7, partitions: []int32{0}, offset: 4, age: 20 * second, old: true},
			{pod: "a", tombstone: true, offset: 3, age: 25 * second, old: true},
		}, second, "a"},
		{"the topic is read again: it was received when it was received", []said{
			{pod: "a", partitions: one, offset: 5},
			{pod: "a", partitions: one, offset: 5, heard: 25 * second, age: 25 * second, old: true},
		}, 31 * second, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			known := newTable(Limits{}.WithDefaults())
			for _, s := range test.all {
				s.in(known)
			}
			if got, _ := known.owner("accounts", 1, noon.Add(test.at)); got != test.want {
				t.Errorf("the owner is %q, want %q", got, test.want)
			}
			if got, _ := known.owner("orders", 1, noon.Add(test.at)); got != "" {
				t.Errorf("%q owns a partition of another group", got)
			}
		})
	}
}

// A pod that has refused is not asked again for the partition before it says something new; it is for its
// others.
func TestMisledUntilANewerRecord(t *testing.T) {
	known := newTable(Limits{}.WithDefaults())
	both := []int32{1, 2}
	said{pod: "a", generation: 8, partitions: both, offset: 1}.in(known)
	said{pod: "b", generation: 7, partitions: both, offset: 2}.in(known)
	owner := func(partition int32) string {
		instance, _ := known.owner("accounts", partition, noon)
		return instance
	}
	known.misled(key{"accounts", "a"}, 1, noon.Add(-time.Hour))
	if owner(1) != "a" {
		t.Error("it has got the partition since, and is not asked")
	}
	known.misled(key{"accounts", "a"}, 1, time.Time{})
	known.misled(key{"accounts", "nobody"}, 1, time.Time{})
	if owner(1) != "b" || owner(2) != "a" {
		t.Errorf("the owners are %s and %s, want b and a", owner(1), owner(2))
	}
	said{pod: "a", generation: 8, partitions: both, offset: 1, old: true}.in(known)
	if owner(1) != "b" {
		t.Error("the record that has misled is read again, and counts again")
	}
	said{pod: "a", generation: 8, partitions: both, offset: 3, heard: time.Second}.in(known)
	if owner(1) != "a" {
		t.Error("the pod has announced itself again, and is not asked")
	}
}

func TestEntriesAreLimitedAndForgotten(t *testing.T) {
	known := newTable(Limits{Entries: 2}.WithDefaults())
	put := func(pod string, at time.Duration) bool {
		a := &announcement{Address: "a:1", Partitions: []int32{0}, At: noon.Add(at)}
		return known.put(key{"accounts", pod}, a, 0, a.At, a.At, false)
	}
	if !put("a", 0) || !put("b", 0) || put("c", 0) || !put("a", time.Second) {
		t.Error("two pods have room, and may announce themselves again; a third one has none")
	}
	known.forget(noon.Add(300 * time.Second))
	if known.entries != 2 {
		t.Errorf("%d entries are left, want 2", known.entries)
	}
	known.forget(noon.Add(302 * time.Second))
	if known.entries != 0 || len(known.byGroup) != 0 {
		t.Errorf("%d entries are left", known.entries)
	}
	if !put("c", 303*time.Second) {
		t.Error("there is room again, and c gets none")
	}
}

// Whatever is announced, the owner is one that names the partition, is fresh, and has no better rival.
func TestOwnerIsTheBestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known, last := newTable(Limits{}.WithDefaults()), map[string]said{}
		n := rapid.IntRange(0, 12).Draw(t, "announcements")
		for i := range n {
			s := said{
				pod:        rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "pod"),
				generation: rapid.Int32Range(1, 4).Draw(t, "generation"),
				partitions: []int32{rapid.Int32Range(0, 1).Draw(t, "partition")},
				offset:     int64(i), heard: time.Duration(i*5) * time.Second,
				tombstone: rapid.IntRange(0, 9).Draw(t, "tombstone") == 0,
			}
			s.in(known)
			last[s.pod] = s
		}
		now := time.Duration(n*5) * time.Second
		want := said{}
		for _, s := range last {
			if s.tombstone || now-s.heard > 30*time.Second || s.partitions[0] != 1 {
				continue
			}
			if want.pod == "" || s.generation > want.generation ||
				s.generation == want.generation && s.offset > want.offset {
				want = s
			}
		}
		if got, _ := known.owner("accounts", 1, noon.Add(now)); got != want.pod {
			t.Fatalf("the owner is %q, want %q, of %v", got, want.pod, fmt.Sprint(last))
		}
	})
}
