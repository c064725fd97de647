package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"refold/kafka/local"
	"refold/processors/accounts"
	"refold/views"
)

// startPair starts two workers that share the partitions of a cluster, and waits until each knows what the
// other has.
func startPair(t *testing.T) (hosts []*Host) {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	for range 2 {
		w, err := New(install(t, cluster, nil), slog.New(slog.DiscardHandler), func(h *Host) error {
			hosts = append(hosts, h)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	for i, h := range hosts {
		other := hosts[1-i].worker
		eventually(t, func() bool {
			known := 0
			for partition := range h.worker.partitions.Load() {
				place, is := placed{h.worker}.Owner("account", partition)
				if is && place.Here || is && place.Instance == other.directory.Self().Instance {
					known++
				}
			}
			_, shared := placed{h.worker}.Owner("account", 0)
			return known == 2 && shared && len(h.worker.directory.Pods()) == 4
		}, textOf(func() string { return fmt.Sprint(h.worker.directory.Pods()) }))
	}
	return hosts
}

// An extension reads all states, whichever worker has them.
func TestStatesOfOtherWorkers(t *testing.T) {
	hosts := startPair(t)
	var want []string
	for i := range 8 {
		id := fmt.Sprint("alice-", i)
		want = append(want, id)
		open := accounts.OpenAccount{Owner: id, Currency: "EUR"}
		if err := hosts[i%2].Send(t.Context(), "account", id, "k-1", open); err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			row, err := StateAtLeast[accounts.Account](t.Context(), h, "account", id, 1)
			if err != nil || row.ID != id || row.Sequence != 1 || row.State.Owner != id {
				t.Fatalf("%s: %+v, %v", id, row, err)
			}
			again, err := State[accounts.Account](h, "account", id)
			if err != nil || !reflect.DeepEqual(again, row) {
				t.Errorf("%s: %+v, %v, want %+v", id, again, err, row)
			}
		}
	}
	for _, h := range hosts {
		var ids []string
		for row, err := range States[accounts.Account](h, "account") {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, row.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("listed are %v, want %v", ids, want)
		}
		for i := range 8 { // of both workers
			id := fmt.Sprint("nobody-", i)
			if _, err := State[accounts.Account](h, "account", id); !errors.Is(err, views.ErrNotFound) {
				t.Errorf("%s: %v", id, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := StateAtLeast[accounts.Account](ctx, h, "account", id, 1); err == nil {
				t.Errorf("%s is at sequence 1", id)
			}
			cancel()
		}
	}
}
