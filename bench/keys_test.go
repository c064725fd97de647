package bench

import "testing"

func TestFirstCommandsGoToAllKeysByTurns(t *testing.T) {
	const count = 100
	for name, keys := range map[string]Keys{
		"turns": {Count: count}, "uniform": Uniform(count), "Zipf": Zipf(count),
	} {
		for i := range count {
			if k := keys.of(i); k != i {
				t.Errorf("%s: command %d goes to key %d", name, i, k)
			}
		}
		for i := count; i < 10*count; i++ {
			if k := keys.of(i); k < 0 || k >= count {
				t.Errorf("%s: command %d goes to key %d", name, i, k)
			}
		}
	}
}

func TestZipfPrefersFewKeys(t *testing.T) {
	const count, commands = 10_000, 100_000
	hottest := func(keys Keys) (n int) {
		counts := make([]int, count)
		for i := range commands {
			k := keys.of(count + i)
			counts[k]++
			n = max(n, counts[k])
		}
		return n
	}
	if uniform, zipf := hottest(Uniform(count)), hottest(Zipf(count)); zipf < 100*uniform {
		t.Errorf("the hottest of %d keys has %d of %d commands, the hottest of uniform ones %d", count, zipf,
			commands, uniform)
	}
}

func TestValuesAreAsLongAsIsAskedFor(t *testing.T) {
	for _, more := range []int{0, 1, 100, 100_000} {
		s := Engine("p-", Keys{Count: 1}, more)
		record, err := s.Command(7)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := len(record.Value), len("7 ")+more; got != want {
			t.Errorf("%d: %d bytes, want %d", more, got, want)
		}
	}
}

// The result of a bare command begins with a count.
func TestEngineKnowsItsResults(t *testing.T) {
	s := Engine("p-", Keys{Count: 1}, 10)
	record, err := s.Command(42)
	if err != nil {
		t.Fatal(err)
	}
	record.Value = append([]byte("3:"), record.Value...)
	if i, own := s.Index(record); i != 42 || !own {
		t.Errorf("%q: %d, %v", record.Value, i, own)
	}
	record.Value = []byte("nonsense")
	if i, own := s.Index(record); own {
		t.Errorf("%q: %d", record.Value, i)
	}
}

func TestLatencyOf(t *testing.T) {
	var late []float64
	for i := range 1000 {
		late = append(late, float64(1000-i))
	}
	if got, want := LatencyOf(late), (Latency{1000, 500, 990, 999, 1000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := LatencyOf([]float64{7}), (Latency{1, 7, 7, 7, 7}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
