package snapshots_test

import (
	"context"
	"testing"

	"github.com/lovoo/goka/storage"

	"refold/exactlyonce"
	"refold/exactlyonce/tabletest"
	"refold/kafka"
	"refold/snapshots"
)

// tables joins stores and the engine, as cmd/processor does.
func tables(s *snapshots.Stores) exactlyonce.Tables {
	return exactlyonce.Tables{
		Staged: func(ctx context.Context, topic string, p int32) (exactlyonce.StagedTable, error) {
			return s.Staged(ctx, topic, p)
		},
		Follower: func(ctx context.Context, topic string, p int32) (storage.Storage, error) {
			return s.Follower(ctx, topic, p, snapshots.Projection{})
		},
	}
}

// kinds are all kinds of stores.
var kinds = map[string]func(t *testing.T, o snapshots.Options) snapshots.Options{
	"memory": func(_ *testing.T, o snapshots.Options) snapshots.Options { return o },
	"disk": func(t *testing.T, o snapshots.Options) snapshots.Options {
		t.Helper()
		o.Dir = t.TempDir()
		return o
	},
	"disk without row cache": func(t *testing.T, o snapshots.Options) snapshots.Options {
		t.Helper()
		o.Dir, o.RowCacheBytes = t.TempDir(), 0
		return o
	},
}

// G4, G6: all stores keep the contract of exactlyonce.StagedTable.
func TestStoresAreTables(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			tabletest.Run(t, func(t *testing.T, settings kafka.Settings) exactlyonce.Tables {
				t.Helper()
				stores, err := snapshots.Open(kind(t, snapshots.Options{
					Kafka: settings, CacheBytes: 256 << 20, RowCacheBytes: 128 << 20, MaxOpenFiles: 640,
				}))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := stores.Close(); err != nil {
						t.Error(err)
					}
				})
				return tables(stores)
			})
		})
	}
}
