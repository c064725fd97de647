package kafka_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"refold/kafka"
	"refold/kafka/local"
)

// Every topic that was asked for is in the answer; one that does not exist has an error, and the others have
// none.
func TestDescribeTopics(t *testing.T) {
	cluster := start(t, local.Options{Topics: []kafka.TopicSpec{{Name: "three", Partitions: 3}}})
	client := connect(t, options(t, cluster)...)
	topics, err := kafka.DescribeTopics(deadline(t), client, "three", "none")
	if err != nil || len(topics) != 2 {
		t.Fatalf("%v, %v", topics, err)
	}
	if three := topics["three"]; three.Err != nil || three.Partitions != 3 || three.ID == [16]byte{} {
		t.Errorf("three is %+v", three)
	}
	if none := topics["none"]; !errors.Is(none.Err, kerr.UnknownTopicOrPartition) || none.Partitions != 0 {
		t.Errorf("none is %+v", none)
	}
	if topics, err = kafka.DescribeTopics(deadline(t), client); err != nil || len(topics) != 0 {
		t.Errorf("no names: %v, %v", topics, err) // in the protocol they would mean all topics
	}
}

func TestTopicPartition_order(t *testing.T) {
	less := kafka.TopicPartition{Topic: "a", Partition: 9}
	greater := kafka.TopicPartition{Topic: "b", Partition: 1}
	if less.Compare(greater) != -1 || greater.Compare(less) != 1 {
		t.Error("topics come before numbers")
	}
	if next := (kafka.TopicPartition{Topic: "a", Partition: 10}); less.Compare(next) != -1 {
		t.Error("numbers are not ordered")
	}
	if less.String() != "a/9" {
		t.Error(less)
	}
}

func TestSleep(t *testing.T) {
	if !kafka.Sleep(t.Context(), time.Millisecond) {
		t.Error("it did not wait")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if kafka.Sleep(ctx, time.Hour) {
		t.Error("it went on after the context's end")
	}
}
