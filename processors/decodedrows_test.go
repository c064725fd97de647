package processors_test

import (
	"bytes"
	"fmt"
	"testing"

	"refold/processors"
)

// A snapshot is that of a row as it lies in memory, and has one owner: it is given once.
func TestDecodedRowsAreTakenOnce(t *testing.T) {
	d := processors.NewDecodedRows(1000)
	row := []byte("a row")
	d.Put("key", row, 7)
	for name, other := range map[string][]byte{
		"an equal row": bytes.Clone(row), "a part of it": row[:3], "another part": row[1:],
		"an empty row": row[:0], "no row": nil,
	} {
		if got, is := d.Take("key", other); is {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got, is := d.Take("key", row); !is || got != 7 {
		t.Errorf("the row: %d, %v", got, is)
	}
	if got, is := d.Take("key", row); is {
		t.Errorf("the row, again: %d", got)
	}
}

// Each stripe of the keys keeps a limited number of bytes. The last row that was put is kept, unless it is
// too large by itself.
func TestDecodedRowsAreLimited(t *testing.T) {
	const limit, size = 2000, 100
	d := processors.NewDecodedRows(limit)
	for i := range 10_000 {
		key, row := fmt.Sprint("key-", i), make([]byte, size)
		d.Put(key, row, i)
		if i%10 == 9 {
			if got, is := d.Take(key, row); !is || got != i {
				t.Fatalf("row %d: %d, %v", i, got, is)
			}
		}
	}
	if n := d.Kept(); n > processors.DecodedStripes*limit/size || n < processors.DecodedStripes {
		t.Errorf("%d rows are kept", n)
	}
	large := make([]byte, limit+1)
	d.Put("large", large, 1)
	if _, is := d.Take("large", large); is {
		t.Error("a row is kept that is larger than the limit")
	}
	none := processors.NewDecodedRows(-1)
	none.Put("large", large, 1)
	if _, is := none.Take("large", large); is {
		t.Error("a row is kept where none should be")
	}
}

// Commands are handled the same when their row is as the last command left it, when an abort has brought an
// older row back, and when the row was read anew.
func TestCommandsOnRowsFromAnywhere(t *testing.T) {
	s := newStory(t)
	s.send("k-1", 5)
	first := s.rows["c1"]
	s.send("k-2", 7)
	s.send("k-2", 7)  // a repeat, which leaves the row
	s.send("k-3", 13) // poison, which leaves the row, too
	equal(t, "state", s.row().State, counter(12))
	s.rows["c1"] = first // aborted
	s.send("k-4", 20)
	equal(t, "state after an abort", s.row().State, counter(25))
	s.rows["c1"] = bytes.Clone(s.rows["c1"]) // read anew
	s.send("k-5", 30)
	equal(t, "state after a restore", s.row().State, counter(55))
	equal(t, "sequence", s.row().Sequence, 3)
	s.send("k-5", 30)
	equal(t, "commands that are known", fmt.Sprint(s.row().Recent.Find("k-5")), "{3 3 } true")
}
