package worker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"refold/console/flow"
	"refold/kafka/local"
)

// The console measures a worker that runs: groups with their members and places, dead letters, readiness.
func TestConsoleFigures(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	w, err := New(install(t, cluster, nil), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	program := w.consoleProgram()
	if len(program.Aggregates) != 2 || len(program.Processes) != 1 || program.DeadLetters != "dead-letters" ||
		!slices.Equal(program.Processes[0].Commands, []string{"account", "order"}) {
		t.Errorf("the program is drawn as %+v", program)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	var sample *flow.Sample
	eventually(t, func() bool {
		sample, err = w.figures.Measure(ctx)
		if err != nil {
			return false
		}
		account := sample.Readers[flow.AggregateID("account")]
		process := sample.Readers[flow.ProcessID(program.Processes[0].Name)]
		w.figures.mu.Lock()
		defer w.figures.mu.Unlock()
		if w.figures.seldom != nil { // what was asked at the start is asked again at once
			w.figures.seldom.at = w.figures.seldom.at.Add(-seldomEvery)
		}
		return account.Counted && account.Workers == 1 && account.Owned == 2 && account.Known &&
			process.Workers == 1 && sample.Letters.Known && len(sample.Pods) == 1 &&
			len(sample.Pods[0].Wrong) == 0 && sample.Pods[0].Fault == "" && len(account.Owners) == 1
	}, textOf(func() string { return fmt.Sprintf("%+v %v", sample, err) }))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
