package redis

import (
	"errors"
	"strings"
	"testing"
	"time"

	"refold/projections"
)

func TestEvictionIsRefused(t *testing.T) {
	for policy, ok := range map[string]bool{
		"noeviction": true, "volatile-lru": true, "allkeys-lru": false, "allkeys-random": false, "": true,
	} {
		info := "# Memory\r\nused_memory:1\r\nmaxmemory_policy:" + policy + "\r\nallocator_active:1\r\n"
		err := evicts(info)
		if (err == nil) != ok {
			t.Errorf("the policy %q ends in %v", policy, err)
		}
		if err != nil && !strings.Contains(err.Error(), "noeviction") {
			t.Errorf("%q does not say what would be right", err)
		}
	}
}

func TestEveryAnswerHasAMeaning(t *testing.T) {
	files, err := sources.ReadDir("scripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := sources.ReadFile("scripts/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "return {'")[1:] {
			code, _, _ := strings.Cut(part, "'")
			if _, known := answers[code]; !known && code != "OK" && code != "SUM" {
				t.Errorf("%s answers %s, which means nothing", file.Name(), code)
			}
		}
	}
}

func TestTimesSortAsTexts(t *testing.T) {
	c := &projections.Column{Name: "at", Type: projections.Time}
	early, err := encode(c, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	late, err2 := encode(c, time.Date(2026, 1, 2, 3, 4, 5, 1000, time.UTC))
	if early >= late || errors.Join(err, err2) != nil {
		t.Errorf("%s does not come before %s (%v, %v)", early, late, err, err2)
	}
	if _, err := encode(c, time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil {
		t.Error("a time is written that can't be read")
	}
}

// Records may claim any time. None of them makes a progress that can't be read.
func TestTimesOfRecordsAreBounded(t *testing.T) {
	for _, at := range []time.Time{
		time.UnixMilli(1<<63 - 1), time.UnixMilli(-1 << 63), time.Unix(1e12, 0), time.Unix(0, 1000).UTC(),
	} {
		var a arguments
		a.advances([]projections.Advance{{Partition: projections.Partition{Topic: "t"}, Time: at}})
		all, err := decodeProgress([]string{"t/0/time", a[len(a)-1].(string)})
		read := all[projections.Partition{Topic: "t"}].Time
		if err != nil || read.Year() > 9999 || at.Year() == 1970 && !read.Equal(at) {
			t.Errorf("%v is read as %v (%v)", at, read, err)
		}
	}
}

func FuzzDecodeProgress(f *testing.F) {
	f.Add("account-events/0/next", "7")
	f.Add("account-events/0/time", "2026-01-02T03:04:05.006Z")
	f.Add("a/b", "")
	f.Fuzz(func(t *testing.T, field, text string) {
		all, err := decodeProgress([]string{field, text})
		if err == nil && len(all) != 1 {
			t.Errorf("%q is the progress of %d partitions", field, len(all))
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	f.Add("7:state")
	f.Add("-1:")
	f.Add("x")
	f.Fuzz(func(t *testing.T, value string) {
		s, err := decodeState("account", "alice", value)
		if err == nil && !strings.HasSuffix(value, ":"+string(s.State)) {
			t.Errorf("%q is read as %+v", value, s)
		}
	})
}

func FuzzDecodeRow(f *testing.F) {
	type row struct {
		Key   string    `column:"key,key"`
		Count int64     `column:"count"`
		Rate  float64   `column:"rate"`
		Is    bool      `column:"is"`
		At    time.Time `column:"at"`
		Maybe *int64    `column:"maybe"`
	}
	table := projections.NewTable[row]("rows").Table
	f.Add("a", "1", "0.5", "1", "2026-01-02T03:04:05.000000Z", true)
	f.Add("", "x", "NaN", "2", "", false)
	f.Fuzz(func(t *testing.T, key, count, rate, is, at string, maybe bool) {
		answer := []any{key, count, rate, is, at, nil}
		if maybe {
			answer[5] = count
		}
		values, err := decodeRow(table, answer)
		if err == nil && (values[0] != key || (values[5] == nil) == maybe) {
			t.Errorf("%q is read as %v", answer, values)
		}
		if err == nil && table.Key(values) == "" && key != "" {
			t.Errorf("the key of %v is empty", values)
		}
	})
}
