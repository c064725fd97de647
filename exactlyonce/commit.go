package exactlyonce

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Commit is what one transaction has made visible: to readers of Kafka, and to those of the local stores. It
// saves a caller that keeps copies of its own from fetching what the worker has in memory. Its records are
// valid until the call that it was given to returns: their memory is used again.
type Commit struct{ batch *batch }

// Inputs calls each with the input records of each partition whose offsets were committed, in their order.
func (c Commit) Inputs(each func(at kafka.TopicPartition, records []*kgo.Record)) {
	for _, fetched := range c.batch.inputs {
		fetched.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				each(kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}, p.Records)
			}
		})
	}
}

// Outputs calls each with the records that callbacks have emitted, with the offsets that brokers gave them:
// some of one partition at a time, in the order of the partition.
func (c Commit) Outputs(each func(at kafka.TopicPartition, records []kgo.Record)) {
	for _, page := range c.batch.emitted {
		if records := page.Records(); len(records) > 0 {
			each(kafka.TopicPartition{Topic: records[0].Topic, Partition: records[0].Partition}, records)
		}
	}
}

// Rows calls each with the rows of each partition of the group table that were written; nil is a deletion.
func (c Commit) Rows(each func(at kafka.TopicPartition, rows map[string][]byte)) {
	for i := range c.batch.layers {
		each(c.batch.layers[i].table.at, c.batch.layers[i].rows)
	}
}
