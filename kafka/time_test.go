package kafka_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/kafka"
)

// wrapped is the time that franz-go gives for milliseconds (its timeFromMillis).
func wrapped(ms int64) time.Time { return time.Unix(0, ms*1e6) }

func TestTrueTimeUndoesTheWrappingOfClients(t *testing.T) {
	const exact = 1 << 57
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(-exact, exact-1).Draw(t, "ms")
		if got := kafka.TrueTime(wrapped(ms)).UnixMilli(); got != ms {
			t.Fatalf("got %d, want %d", got, ms)
		}
		// Sarama: the first time of a batch, and the distance from it.
		first := rapid.Int64Range(0, kafka.MaxTime.UnixMilli()).Draw(t, "first")
		distance := time.Duration(ms-first) * time.Millisecond
		if got := kafka.TrueTime(time.UnixMilli(first).Add(distance)).UnixMilli(); got != ms {
			t.Fatalf("by Sarama: got %d, want %d", got, ms)
		}
		if once := kafka.TrueTime(wrapped(ms)); !kafka.TrueTime(once).Equal(once) {
			t.Fatal("not idempotent")
		}
	})
}

// Whatever number of milliseconds a producer has sent, readers have a time that every form of it holds.
func TestReadTimeIsAlwaysOneThatARecordMayHave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64().Draw(t, "ms")
		at := kafka.ReadTime(wrapped(ms))
		if err := kafka.CheckTime(at); err != nil {
			t.Fatal(err)
		}
		if _, err := at.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
		if back := time.Unix(0, at.UnixNano()); !back.Equal(at) {
			t.Fatalf("%v becomes %v in nanoseconds", at, back)
		}
		if ms >= 0 && ms <= kafka.MaxTime.UnixMilli() && at.UnixMilli() != ms {
			t.Fatalf("%d ms became %v", ms, at)
		}
	})
}

func TestTimesThatNoRecordMayHave(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC).UnixMilli()
	for name, test := range map[string]struct {
		ms   int64
		says string // empty: it may
		read int64
	}{
		"now":                   {now, "", now},
		"the first":             {0, "", 0},
		"the last":              {kafka.MaxTime.UnixMilli(), "", kafka.MaxTime.UnixMilli()},
		"none":                  {-1, "to say that there is none", 0},
		"before 1970":           {-86_400_000, "-86400000 ms; must be", 0},
		"behind the last":       {kafka.MaxTime.UnixMilli() + 1, "other units", kafka.MaxTime.UnixMilli()},
		"microseconds":          {now * 1000, "other units", kafka.MaxTime.UnixMilli()},
		"what would wrap twice": {-now * 1000, "must be milliseconds", 0},
	} {
		t.Run(name, func(t *testing.T) {
			err := kafka.CheckTime(kafka.TrueTime(wrapped(test.ms)))
			if (err == nil) != (test.says == "") || err != nil &&
				(!errors.Is(err, kafka.ErrTime) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v", err)
			}
			if got := kafka.ReadTime(wrapped(test.ms)).UnixMilli(); got != test.read {
				t.Errorf("read as %d", got)
			}
		})
	}
	// Nanoseconds are beyond what can be had back, and out of range all the same.
	if kafka.CheckTime(kafka.TrueTime(wrapped(now*1_000_000))) == nil {
		t.Error("nanoseconds pass")
	}
	if at := kafka.ReadTime(wrapped(math.MinInt64)); kafka.CheckTime(at) != nil {
		t.Errorf("the least number is read as %v", at)
	}
}
