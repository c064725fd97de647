package wire

import "time"

// Owners says which pod answers for which partition, as far as the pod that is asked knows.
type Owners struct {
	Instance   string            `json:"instance" doc:"The pod that was asked."`
	Aggregates []OwnersAggregate `json:"aggregates" nullable:"false"`
}

// OwnersAggregate says it of an aggregate.
type OwnersAggregate struct {
	Aggregate  string  `json:"aggregate"`
	Partitions []Owner `json:"partitions" nullable:"false"`
}

// Owner says it of a partition. Without Instance nobody is known.
type Owner struct {
	Partition int32     `json:"partition"`
	Instance  string    `json:"instance,omitempty" doc:"The pod; none: nobody is known to own it."`
	Address   string    `json:"address,omitempty" doc:"Where that pod is reached."`
	Since     time.Time `json:"since,omitzero" doc:"When it got its partitions, by its own clock."`
	Here      bool      `json:"here" doc:"It is the pod that was asked."`
}
