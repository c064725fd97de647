package exactlyonce_test

import (
	"context"
	"fmt"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/kafka/local"
)

// An ordinary Goka word count. One call is not Goka's: exactlyonce.NewProcessor, in the place of
// goka.NewProcessor.
func Example() {
	cluster, err := local.Start(local.Options{
		Topics: []kafka.TopicSpec{
			{Name: "words", Partitions: 2, ReplicationFactor: 1},
			{Name: "counts", Partitions: 2, ReplicationFactor: 1},
		},
	})
	if err != nil {
		panic(err)
	}
	defer cluster.Close()

	graph := goka.DefineGroup("word-count",
		goka.Input("words", new(codec.String), func(ctx goka.Context, _ any) {
			count, _ := ctx.Value().(int64)
			count++
			ctx.SetValue(count)
			ctx.Emit("counts", ctx.Key(), count)
		}),
		goka.Output("counts", new(codec.Int64)),
		goka.Persist(new(codec.Int64)))

	p, err := exactlyonce.NewProcessor(cluster.Brokers(), graph)
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()

	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...),
		kgo.ConsumeTopics("counts"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		panic(err)
	}
	defer client.Close()
	for _, word := range []string{"to", "be", "or", "not", "to", "be"} {
		client.Produce(ctx, &kgo.Record{Topic: "words", Key: []byte(word), Value: []byte(word)}, nil)
	}
	last := make(map[string]string)
	for n := 0; n < 6; {
		fetches := client.PollFetches(ctx)
		n += fetches.NumRecords()
		fetches.EachRecord(func(r *kgo.Record) { last[string(r.Key)] = string(r.Value) })
	}
	fmt.Println("be", last["be"], "not", last["not"], "or", last["or"], "to", last["to"])

	stop()
	fmt.Println("ended with", <-done)
	// Output:
	// be 2 not 1 or 1 to 2
	// ended with <nil>
}
