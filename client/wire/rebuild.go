package wire

import (
	"encoding/json"
	"time"
)

// Rebuild is a rebuild of a table.
type Rebuild struct {
	ID        string        `json:"id"`
	Aggregate string        `json:"aggregate" doc:"In the plural."`
	Stage     string        `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	DryRun    bool          `json:"dryRun" doc:"It compares only."`
	By        string        `json:"by"`
	Time      time.Time     `json:"time" doc:"When it was asked for."`
	Totals    RebuildTotals `json:"totals"`
	// Partitions are left out of lists.
	Partitions []RebuildPartition `json:"partitions,omitempty" nullable:"false"`
}

// RebuildTotals counts what a rebuild has done.
type RebuildTotals struct {
	EventsRead  int64   `json:"eventsRead"`
	EventsTotal int64   `json:"eventsTotal"`
	Rate        float64 `json:"eventsPerSecond"`
	SecondsLeft float64 `json:"secondsLeft" doc:"Of the slowest partition, as it goes now."`
	Differing   int64   `json:"differing" doc:"Rows known to differ so far."`
	Equal       int64   `json:"equal" doc:"Rows that were as their events make them."`
	Changed     int64   `json:"changed"`
	Added       int64   `json:"added"`
	Removed     int64   `json:"removed"`
	Steps       int     `json:"steps,omitempty" doc:"How many times commands were held up to put rows right."`
	LongestStep float64 `json:"longestStepSeconds,omitempty" doc:"For how long at most."`
}

// RebuildPartition is how far a rebuild is in a partition.
type RebuildPartition struct {
	Partition   int    `json:"partition"`
	Stage       string `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	Reason      string `json:"reason,omitempty" doc:"Why it waits, or has failed."`
	Worker      string `json:"worker,omitempty" doc:"Which has told this last."`
	FoldVersion int    `json:"foldVersion,omitempty" doc:"That worker's."`
	RebuildTotals
	Samples json.RawMessage `json:"samples,omitempty" doc:"Of a dry run: some rows that differ."`
	Updated time.Time       `json:"updated,omitzero"`
}

// Rebuilds is all that a server knows of tables and rebuilds.
type Rebuilds struct {
	Aggregates []RebuildTable `json:"aggregates" nullable:"false"`
}

// RebuildTable is a table, and the rebuilds of it.
type RebuildTable struct {
	Aggregate string `json:"aggregate" doc:"In the plural."`
	Due       bool   `json:"due" doc:"Rows are of an older fold version than their worker: rebuild it."`
	// Partitions are those that a worker has taken over at any time.
	Partitions []PartitionVersions `json:"partitions" nullable:"false"`
	Rebuilds   []Rebuild           `json:"rebuilds" nullable:"false" doc:"The newest first."`
}

// PartitionVersions is a partition of a table, and the fold versions of its rows and of its worker.
type PartitionVersions struct {
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"` // its owner, or the last one

	FoldVersion        int `json:"foldVersion"`
	WorkersFoldVersion int `json:"workersFoldVersion"`
}

// RebuildRequest is the body of a request that asks for a rebuild.
type RebuildRequest struct {
	Aggregate string `json:"aggregate"`
	DryRun    bool   `json:"dryRun"`
}
