package inspect

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawn are partitions with records of any times.
func drawn(t *rapid.T) [][]*Record {
	times := rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(0, 20), 0, 8), 0, 5).Draw(t, "times")
	all := make([][]*Record, len(times))
	for p, times := range times {
		for offset, ms := range times {
			all[p] = append(all[p], &Record{
				Partition: int32(p), Offset: int64(offset), Timestamp: time.UnixMilli(ms),
			})
		}
	}
	return all
}

func merged(t *rapid.T, partitions [][]*Record) []*Record {
	var nexts []next
	for _, records := range partitions {
		nexts = append(nexts, func() (*Record, bool) {
			if len(records) == 0 {
				return nil, false
			}
			r := records[0]
			records = records[1:]
			return r, true
		})
	}
	var out []*Record
	if err := merge(nexts, func(r *Record) error { out = append(out, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// Each record comes once, after those before it in its partition, and is the earliest of all that could
// have come instead.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := drawn(t)
		heads := make([]int, len(partitions))
		for _, r := range merged(t, partitions) {
			if int(r.Offset) != heads[r.Partition] {
				t.Fatalf("partition %d: offset %d, want %d", r.Partition, r.Offset, heads[r.Partition])
			}
			for p, at := range heads {
				if at < len(partitions[p]) && compare(partitions[p][at], r) < 0 {
					t.Fatalf("%d/%d comes before %d/%d, which is earlier", r.Partition, r.Offset, p, at)
				}
			}
			heads[r.Partition]++
		}
		for p, at := range heads {
			if at != len(partitions[p]) {
				t.Fatalf("partition %d ends at %d of %d", p, at, len(partitions[p]))
			}
		}
	})
}

// Partitions in order of time give all records in order of time.
func TestMergeOfSortedPartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := drawn(t)
		for _, records := range partitions {
			slices.SortFunc(records, func(a, b *Record) int { return a.Timestamp.Compare(b.Timestamp) })
			for i, r := range records {
				r.Offset = int64(i)
			}
		}
		if !slices.IsSortedFunc(merged(t, partitions), func(a, b *Record) int {
			return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Partition, b.Partition))
		}) {
			t.Fatal("not in order of time")
		}
	})
}

func TestMergeEndsWithAnErrorOfShow(t *testing.T) {
	want := errors.New("closed pipe")
	endless := func() (*Record, bool) { return &Record{}, true }
	err := merge([]next{endless}, func(*Record) error { return want })
	if !errors.Is(err, want) {
		t.Error(err)
	}
}
