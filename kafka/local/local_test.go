package local_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a cluster that is closed at the test's end, and a client of it.
func start(t *testing.T, options local.Options) (*local.Cluster, *kgo.Client) {
	t.Helper()
	cluster, err := local.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	opts, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return cluster, client
}

func TestStartGivesClusterTopicsAndRegistry(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cluster, client := start(t, local.Options{
		Brokers: 3,
		Topics: []kafka.TopicSpec{
			{Name: "table", Partitions: 7, Config: map[string]string{"cleanup.policy": "compact"}},
		},
	})
	if got := len(cluster.Brokers()); got != 3 {
		t.Errorf("%d brokers, want 3", got)
	}
	differences, err := kafka.Plan(ctx, client, []kafka.TopicSpec{
		{Name: "table", Partitions: 7, Config: map[string]string{"cleanup.policy": "compact"}},
	})
	if err != nil || len(differences) > 0 {
		t.Errorf("Plan: %v, %v", differences, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		cluster.RegistryURL()+"/subjects", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the registry answered %s", response.Status)
	}
}

func TestStartRefusesWhatCanNotBeMade(t *testing.T) {
	spec := kafka.TopicSpec{Name: "twice", Partitions: 1}
	_, err := local.Start(local.Options{Topics: []kafka.TopicSpec{spec, spec}})
	if err == nil {
		t.Error("a topic made twice: no error")
	}
}

func TestTransactionVersionIsWhatTheClusterSays(t *testing.T) {
	for asked, want := range map[int16]int16{0: 2, 1: 1, 2: 2} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, client := start(t, local.Options{TransactionVersion: asked})
			answer, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
			if err != nil {
				t.Fatal(err)
			}
			got := int16(-1)
			for _, feature := range answer.FinalizedFeatures {
				if feature.Name == "transaction.version" {
					got = feature.MaxVersionLevel
				}
			}
			if got != want {
				t.Errorf("transaction.version %d, want %d", got, want)
			}
		})
	}
}

// Both versions must carry a transaction from its begin to its commit.
func TestTransactionsRunUnderBothVersions(t *testing.T) {
	for _, version := range []int16{1, 2} {
		t.Run(fmt.Sprint(version), func(t *testing.T) { commitUnder(t, version) })
	}
}

func commitUnder(t *testing.T, version int16) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cluster, reader := start(t, local.Options{
		TransactionVersion: version,
		Topics:             []kafka.TopicSpec{{Name: "t", Partitions: 1}},
	})
	endTxn := make(chan int16, 1)
	cluster.Kafka().ControlKey(int16(kmsg.EndTxn), observe(endTxn))
	opts, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	if err != nil {
		t.Fatal(err)
	}
	producer, err := kgo.NewClient(append(opts, kgo.TransactionalID("x"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := producer.ProduceSync(ctx, &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := producer.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	stable, err := kadm.NewClient(reader).ListCommittedOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := stable.Lookup("t", 0); got.Offset != 2 {
		t.Errorf("last stable offset %d, want 2", got.Offset)
	}
	// From EndTxn 5 on each transaction gets a new epoch: version 2's protocol.
	if got := <-endTxn; (got >= 5) != (version == 2) {
		t.Errorf("EndTxn was sent in version %d", got)
	}
}

func observe(version chan<- int16) func(kmsg.Request) (kmsg.Response, error, bool) {
	return func(request kmsg.Request) (kmsg.Response, error, bool) {
		version <- request.GetVersion()
		return nil, nil, false
	}
}
