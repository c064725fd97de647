package refold

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A disk that takes nothing more ends what writes to it, rather than let it wait for ever.
func TestAStoreOnADiskThatIsFull(t *testing.T) {
	var full atomic.Bool
	noSpace := errors.New("no space left on device")
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			if full.Load() && strings.HasSuffix(op.Path, ".sst") {
				return noSpace
			}
		default:
		}
		return nil
	}))
	s, err := openStore(disk, "shadow", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(s, statePrefix)
	value := make([]byte, 1000)
	err = nil
	for i := 0; err == nil; i++ {
		full.Store(i > 3000)
		err = w.set(fmt.Sprint(i), value)
	}
	if !errors.Is(err, noSpace) {
		t.Errorf("error %v", err)
	}
	w.close()
	if err := s.Close(); err != nil {
		t.Log(err) // whatever it says, it returns
	}
}

// A store of any size takes more than it has memory for.
func TestAStoreTakesMoreThanItsMemory(t *testing.T) {
	for _, memory := range []int64{1 << 20, 4 << 20, 32 << 20, 128 << 20} {
		s, err := openStore(vfs.NewMem(), "shadow", memory)
		if err != nil {
			t.Fatal(err)
		}
		w := newWriter(s, statePrefix)
		value := make([]byte, 10_000)
		for i := range 2 * memory / int64(len(value)) {
			if err := w.set(fmt.Sprint(i*7919%10_007), value); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.finish(), s.Close()); err != nil {
			t.Error(err)
		}
	}
}

// A disk that hangs, without an error, ends what writes to it, too.
func TestAStoreOnADiskThatHangs(t *testing.T) {
	hangs := make(chan struct{})
	disk := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, ".sst") {
			<-hangs
		}
		return nil
	}))
	s, err := openStore(disk, "shadow", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s.patience = 20 * time.Millisecond
	w := newWriter(s, statePrefix)
	value := make([]byte, 1000)
	for i := 0; err == nil && i < 10_000; i++ {
		err = w.set(fmt.Sprint(i), value)
	}
	if !errors.Is(err, errDiskHangs) {
		t.Errorf("error %v", err)
	}
	w.close()
	close(hangs)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
