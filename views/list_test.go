package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/lovoo/goka/storage"
	"pgregory.net/rapid"

	"refold/kafka"
)

// listed is a partition of rows in memory.
type listed struct {
	follower

	rows map[string]string
}

func (l *listed) IteratorWithRange(start, _ []byte) (storage.Iterator, error) {
	i := &listedRows{rows: l.rows, at: -1}
	for key := range l.rows {
		if key >= string(start) {
			i.keys = append(i.keys, key)
		}
	}
	slices.Sort(i.keys)
	return i, nil
}

type listedRows struct {
	storage.Iterator

	rows map[string]string
	keys []string
	at   int
}

func (i *listedRows) Next() bool             { i.at++; return i.at < len(i.keys) }
func (i *listedRows) Key() []byte            { return []byte(i.keys[i.at]) }
func (i *listedRows) Value() ([]byte, error) { return []byte(i.rows[i.keys[i.at]]), nil }
func (i *listedRows) Err() error             { return nil }
func (i *listedRows) Release()               {}

// Whatever keys rows have: by Next, a reader sees each aggregate once, in the order of their IDs, and no
// Next is one that can't be asked for.
func TestListPages(t *testing.T) {
	const partitions = 3
	id := rapid.Custom(func(t *rapid.T) string {
		text := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 'b', 0xff}), 0, 3).Draw(t, "begins")
		if rapid.IntRange(0, 3).Draw(t, "long") == 0 {
			fill := rapid.SampledFrom([]string{"a", "\xff"}).Draw(t, "fill")
			length := rapid.IntRange(MaxIDBytes-2, MaxIDBytes+3).Draw(t, "length")
			text = append([]byte(strings.Repeat(fill, length)), text...)
		}
		return string(text)
	})
	rapid.Check(t, func(t *rapid.T) {
		var want []string
		parts := make([]follower, partitions)
		for i := range parts {
			parts[i] = &listed{rows: make(map[string]string)}
		}
		for _, key := range rapid.SliceOfNDistinct(id, 0, 12, rapid.ID[string]).Draw(t, "keys") {
			belongs := int(kafka.Partition([]byte(key), partitions))
			value := rapid.SampledFrom([]string{"", "row"}).Draw(t, "value") // without a row, a ring alone
			for i := range parts {
				// Somebody else may have written it anywhere, too.
				if i == belongs || rapid.IntRange(0, 5).Draw(t, "foreign") == 0 {
					parts[i].(*listed).rows[key] = value
				}
			}
			if value != "" && key != "" && len(key) <= MaxIDBytes {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		a := &Aggregate{
			limits: Limits{
				ScanRows:  rapid.IntRange(1, 3).Draw(t, "scan"),
				PageBytes: rapid.IntRange(1, 8).Draw(t, "page bytes"),
			},
			description: Description{Row: func(value []byte) (int64, any, error) {
				return int64(len(value)), nil, nil
			}},
			table: &live{parts: parts, count: partitions, restored: true},
		}
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		var got []string
		after := ""
		for pages := 0; ; pages++ {
			page, err := a.List(after, limit)
			if err != nil || pages > 40 {
				t.Fatalf("page %d behind %q: %v", pages, after, err)
			}
			for _, row := range page.Rows {
				got = append(got, row.ID)
			}
			if after = page.Next; after == "" {
				break
			}
			if len(after) > MaxIDBytes {
				t.Fatalf("a next of %d bytes", len(after))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q\nwant %q", got, want)
		}
	})
}
