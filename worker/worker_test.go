package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"refold/config"
	"refold/installation"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// install returns an installation of accounts and orders on a cluster.
func install(t *testing.T, cluster *local.Cluster, more map[string]string) *installation.Installation {
	t.Helper()
	definitions, err := processors.Define(accounts.Definition, orders.Definition, orders.Payments)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"kafka.brokers": strings.Join(cluster.Brokers(), ","), "log.level": "error",
		"registry.urls": cluster.RegistryURL(), "registry.mode": "register",
		"topics.partitions": "2", "topics.replication-factor": "1",
		"http.address": "127.0.0.1:0", "store.directory": t.TempDir(),
	}
	for name, value := range more {
		settings[name] = value
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{Defaults: settings})
	if err != nil {
		t.Fatal(err)
	}
	return &installation.Installation{Config: loaded.Config, Definitions: definitions, Version: "test"}
}

const patience = time.Minute

// eventually waits for a condition.
func eventually(t *testing.T, condition func() bool, why fmt.Stringer) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for begin := time.Now(); !condition(); <-ticker.C {
		if time.Since(begin) > patience {
			t.Fatalf("it did not happen:\n%s", why)
		}
	}
}

// A worker says where it listens at any time, and runs once.
func TestWorkerAddress(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	w, err := New(install(t, cluster, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	address := w.Address()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	eventually(t, func() bool {
		if got := w.Address(); got != address {
			t.Fatalf("it listens at %s, and says %s", address, got)
		}
		return w.preparedCheck() == nil
	}, textOf(func() string { return "not prepared" }))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := w.Address(); got != address {
		t.Errorf("it listened at %s, and says %s", address, got)
	}
	if err := w.Run(t.Context()); !errors.Is(err, errRanBefore) {
		t.Errorf("it runs a second time: %v", err)
	}
}
