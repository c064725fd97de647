//go:build system

// Command cluster starts a real Kafka and a real schema registry in the foreground, prints their
// addresses and stops them at Ctrl-C. It serves trials and measurements by hand:
//
//	go run -tags system ./system/cluster
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/system/realkafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		dir = flag.String("dir", "", "folder of data and logs, kept; "+
			"default is one that is removed at the end")
		kafkaPort    = flag.Int("kafka-port", 9092, "Kafka's port on 127.0.0.1; 0 takes a free one")
		registryPort = flag.Int("registry-port", 8081, "the registry's port; 0 takes a free one")
		transactions = flag.Int("transaction-version", 0, "1 or 2; 0 leaves it to Kafka")
	)
	flag.Parse()
	if *dir == "" {
		temporary, err := os.MkdirTemp("", "refold-cluster-")
		if err != nil {
			return fmt.Errorf("making a folder for data: %w", err)
		}
		defer os.RemoveAll(temporary)
		*dir = temporary
	} else if err := os.MkdirAll(*dir, 0o750); err != nil {
		return fmt.Errorf("making the folder for data: %w", err)
	}
	return serve(ctx, realkafka.BrokerOptions{
		Dir: *dir, Port: *kafkaPort, TransactionVersion: *transactions,
	}, realkafka.RegistryOptions{Dir: *dir, Port: *registryPort})
}

// serve runs both servers until ctx ends or one of them does.
func serve(ctx context.Context, bo realkafka.BrokerOptions, ro realkafka.RegistryOptions) error {
	begin := time.Now()
	fmt.Println("starting Kafka and the schema registry (the first time downloads 210 MB) …")
	var broker *realkafka.Broker
	var registry *realkafka.Registry
	both, starting := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		broker, err = realkafka.StartBroker(starting, bo)
		return err
	})
	both.Go(func() (err error) {
		registry, err = realkafka.StartRegistry(starting, ro)
		return err
	})
	err := both.Wait()
	if broker != nil {
		defer broker.Stop()
	}
	if registry != nil {
		defer registry.Stop()
	}
	if err != nil {
		return err
	}
	fmt.Printf("ready after %.1f s\n  Kafka            %s\n  schema registry  %s\n"+
		"  logs             %s\nCtrl-C stops them.\n",
		time.Since(begin).Seconds(), broker.Address(), registry.URL(), bo.Dir)
	select {
	case <-ctx.Done():
		return nil
	case <-broker.Exited():
		return errors.New("Kafka ended by itself; see its log") //nolint:staticcheck // a name
	case <-registry.Exited():
		return errors.New("the schema registry ended by itself; see its log")
	}
}
