package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// One that no coordinator knows hangs. One that has ended when it is looked for again does not: a marker
// for it would abort what its producer does next.
func TestHangingTransactions(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	client := connect(t, options(t, cluster)...)
	stuck := transactional(t, cluster, "billing", kgo.TransactionTimeout(15*time.Minute))
	begin(ctx, t, stuck, record("k", "never"))

	forgets := func(first func()) { // the coordinator does
		cluster.Kafka().ControlKey(int16(kmsg.ListTransactions),
			func(r kmsg.Request) (kmsg.Response, error, bool) {
				cluster.Kafka().SleepControl(first)
				return r.ResponseKind(), nil, true
			})
	}
	forgets(func() {})
	found, err := kafka.OpenTransactions(ctx, client, "t")
	if err != nil || len(found) != 1 || !found[0].Hangs() {
		t.Errorf("got %+v, %v", found, err)
	}
	forgets(func() { end(ctx, t, stuck, kgo.TryCommit) })
	if found, err = kafka.OpenTransactions(ctx, client, "t"); err != nil || len(found) != 0 {
		t.Errorf("it has ended: got %+v, %v", found, err)
	}
}

// An abort that its coordinator never ends, and one of which the brokers say nothing, are errors: neither is
// waited for without a bound, nor taken for done.
func TestAbortsThatDoNotEnd(t *testing.T) {
	ctx := deadline(t)
	defer kafka.LimitAborts(100 * time.Millisecond)()
	cluster := start(t, local.Options{Topics: one("t")})
	client := connect(t, options(t, cluster)...)
	cluster.Kafka().ControlKey(int16(kmsg.InitProducerID),
		func(r kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			answer, _ := r.ResponseKind().(*kmsg.InitProducerIDResponse)
			answer.ErrorCode = kerr.ConcurrentTransactions.Code
			return answer, nil, true
		})
	known := kafka.OpenTransaction{Topic: "t", TransactionalID: "billing", Timeout: time.Minute}
	if err := kafka.AbortTransaction(ctx, client, known); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one that is never ended: %v", err)
	}
	cluster.Kafka().ControlKey(int16(kmsg.WriteTxnMarkers),
		func(r kmsg.Request) (kmsg.Response, error, bool) { return r.ResponseKind(), nil, true })
	hangs := kafka.OpenTransaction{Topic: "t", ProducerID: 7}
	if err := kafka.AbortTransaction(ctx, client, hangs); err == nil || ctx.Err() != nil {
		t.Errorf("one of which the answer says nothing: %v", err)
	}
}
