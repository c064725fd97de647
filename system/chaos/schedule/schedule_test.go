package schedule

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

const seeds = 200

// The same seed is the same run, also after it was written and read; another seed is another.
func TestSameSeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schedule.json")
	for seed := range uint64(seeds) {
		s := New(seed, 10*time.Minute)
		if again := New(seed, 10*time.Minute); !reflect.DeepEqual(s, again) {
			t.Fatalf("seed %d: two schedules", seed)
		}
		if other := New(seed+1, 10*time.Minute); reflect.DeepEqual(s.Faults, other.Faults) {
			t.Fatalf("seeds %d and %d have the same schedule", seed, seed+1)
		}
		if err := s.Write(path); err != nil {
			t.Fatal(err)
		}
		if read, err := Read(path); err != nil || !reflect.DeepEqual(s, read) {
			t.Fatalf("seed %d: read as another one, %v", seed, err)
		}
	}
}

// Progress remains possible: see the package's comment.
func TestNeverTooMuchAtOnce(t *testing.T) {
	const length = 20 * time.Minute
	for seed := range uint64(seeds) {
		s := New(seed, length)
		for i, f := range s.Faults {
			if f.At < Duration(firstAt) || f.End() > Duration(length) || f.Lasts < 0 {
				t.Fatalf("seed %d: %v at %v", seed, f, f.At)
			}
			if i > 0 && f.At < s.Faults[i-1].At {
				t.Fatalf("seed %d: %v at %v is out of order", seed, f, f.At)
			}
			hurt := map[string]bool{}
			for _, other := range s.Faults[:i] {
				rested := other.End() + Duration(leastRest)
				switch {
				case ofBroker(f) && ofBroker(other) && rested > f.At:
					t.Fatalf("seed %d: %v while %v", seed, f, other)
				case other.End() <= f.At:
				case ofPeers(f) || ofPeers(other):
					if ofPeers(f) && ofPeers(other) {
						t.Fatalf("seed %d: %v while %v", seed, f, other)
					}
				case ofStore(f) || ofStore(other):
					if ofStore(f) && ofStore(other) {
						t.Fatalf("seed %d: %v while %v", seed, f, other)
					}
				case f.Kind == RegistryDown && other.Kind == RegistryDown,
					f.Kind == TakeRight && other.Kind == TakeRight,
					f.Kind == RefuseSchema && other.Kind == RefuseSchema,
					f.Target == other.Target && ofWorker(f) && ofWorker(other),
					f.Kind == RollWorkers && ofWorker(other),
					ofWorker(f) && other.Kind == RollWorkers:
					t.Fatalf("seed %d: %v while %v", seed, f, other)
				case ofWorker(other):
					hurt[other.Target] = true
				}
			}
			if ofWorker(f) && !ofPeers(f) && len(hurt) >= maxHurt {
				t.Fatalf("seed %d: %v while %v are hurt", seed, f, hurt)
			}
		}
	}
}

func ofBroker(f Fault) bool {
	return f.Kind == KillBroker || f.Kind == StopBroker || f.Kind == PauseBroker
}

func ofPeers(f Fault) bool {
	return f.Kind == CutPeers || f.Kind == HangPeers || f.Kind == DelayPeers
}

func ofStore(f Fault) bool { return f.Kind == KillStore || f.Kind == PauseStore }

func ofWorker(f Fault) bool {
	return f.Kind == RollWorkers || slices.Contains([]string{"worker-1", "worker-2", "worker-3"}, f.Target)
}

// An hour has everything, and enough of what matters most.
func TestAnHour(t *testing.T) {
	for seed := range uint64(seeds) {
		counts, targets := map[Kind]int{}, map[string]int{}
		for _, f := range New(seed, time.Hour).Faults {
			counts[f.Kind]++
			targets[f.Target]++
		}
		brokers := counts[KillBroker] + counts[StopBroker] + counts[PauseBroker]
		if counts[KillWorker] < 60 || counts[PauseWorker] < 20 || brokers < 20 {
			t.Errorf("seed %d: %v", seed, counts)
		}
		for _, kind := range []Kind{
			KillWorker, PauseWorker, StopWorker, RollWorkers, FullDisk, DamageStore, DeleteStore,
			Cut, CutRequests, CutAnswers, LoseAnswers, Delay,
			KillBroker, StopBroker, PauseBroker, RegistryDown, Poison, Rebuild, DryRebuild, CancelRebuild,
			TakeRight, RefuseSchema, KillAnswering, LostAddress, CutPeers, HangPeers, DelayPeers,
			KillStore, PauseStore, RebuildModel,
		} {
			if counts[kind] == 0 {
				t.Errorf("seed %d has no %s", seed, kind)
			}
		}
		for _, target := range []string{
			Load, Leader, GroupCoordinator, TransactionCoordinator, Controller, AnyBroker, Accounts, Orders,
			Postgres, Redis, "account_card", "customer_orders",
		} {
			if targets[target] == 0 {
				t.Errorf("seed %d never hits %s", seed, target)
			}
		}
		if seed == 0 {
			t.Logf("seed 0: %v, %v", counts, targets)
		}
	}
}

func TestReadMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "schedule.json")
	if _, err := Read(path); err == nil {
		t.Error("a file that isn't there was read")
	}
	for _, text := range []string{"", `{"length": 5}`, `{"length": "5 apples"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(path); err == nil {
			t.Errorf("%q was read as %+v", text, s)
		}
	}
}

// Only faults of the kinds that are asked for happen, and some do; not all kinds can be alone.
func TestOnly(t *testing.T) {
	s, err := Only(1, 5*time.Minute, KillWorker, LoseAnswers)
	if err != nil {
		t.Fatal(err)
	}
	found := map[Kind]int{}
	for _, f := range s.Faults {
		found[f.Kind]++
	}
	if len(found) != 2 || found[KillWorker] == 0 || found[LoseAnswers] == 0 {
		t.Errorf("planned %v", found)
	}
	if s.Remade.Kind != "" || s.Last.Kind != "" {
		t.Errorf("planned for the end: %v, %v", s.Remade, s.Last)
	}
	if s, err = Only(1, 5*time.Minute, HangPeers); err != nil || len(s.Faults) == 0 {
		t.Fatalf("planned %v, %v", s.Faults, err)
	}
	for _, f := range s.Faults {
		if f.Kind != HangPeers {
			t.Errorf("planned %v", f)
		}
	}
	if s, err = Only(1, 5*time.Minute, RefuseSchema, TakeRight, RemakeTopic); err != nil {
		t.Fatal(err)
	}
	for i, f := range s.Faults {
		if f.Kind != TakeRight && f.Kind != RefuseSchema || i > 0 && f.At < s.Faults[i-1].At {
			t.Errorf("planned %v at %v", f, f.At)
		}
	}
	if len(s.Faults) == 0 || s.Remade.Kind != RemakeTopic {
		t.Errorf("planned %v, and for the end: %v", s.Faults, s.Remade)
	}
	if s, err = Only(1, 5*time.Minute, KillStore, RebuildModel); err != nil || len(s.Faults) == 0 {
		t.Fatalf("planned %v, %v", s.Faults, err)
	}
	for _, f := range s.Faults {
		if f.Kind != KillStore && f.Kind != RebuildModel {
			t.Errorf("planned %v", f)
		}
	}
	if _, err := Only(1, time.Minute, KillBroker); err == nil {
		t.Error("a broker's fault was planned alone")
	}
}

// Faults that came later leave those of before as they are: a run has as many of them, at the same times.
func TestLanesLeaveOneAnotherAlone(t *testing.T) {
	const length = 10 * time.Minute
	for seed := range uint64(seeds) {
		l := newLane(seed, workersLane, length)
		workers(l)
		var found []Fault
		for _, f := range New(seed, length).Faults {
			if ofWorker(f) && !ofPeers(f) {
				found = append(found, f)
			}
		}
		if !slices.Equal(found, l.faults) {
			t.Fatalf("seed %d: the workers' faults are others beside those of the rest", seed)
		}
	}
}
