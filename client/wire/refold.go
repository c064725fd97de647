package wire

import (
	"encoding/json"
	"time"
)

// Refold is a refold of a table.
type Refold struct {
	ID        string       `json:"id"`
	Aggregate string       `json:"aggregate" doc:"In the plural."`
	Stage     string       `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	DryRun    bool         `json:"dryRun" doc:"It compares only."`
	By        string       `json:"by"`
	Time      time.Time    `json:"time" doc:"When it was asked for."`
	Totals    RefoldTotals `json:"totals"`
	// Partitions are left out of lists.
	Partitions []RefoldPartition `json:"partitions,omitempty" nullable:"false"`
}

// RefoldTotals counts what a refold has done.
type RefoldTotals struct {
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

// RefoldPartition is how far a refold is in a partition.
type RefoldPartition struct {
	Partition   int    `json:"partition"`
	Stage       string `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	Reason      string `json:"reason,omitempty" doc:"Why it waits, or has failed."`
	Worker      string `json:"worker,omitempty" doc:"Which has told this last."`
	FoldVersion int    `json:"foldVersion,omitempty" doc:"That worker's."`
	RefoldTotals
	Samples json.RawMessage `json:"samples,omitempty" doc:"Of a dry run: some rows that differ."`
	Updated time.Time       `json:"updated,omitzero"`
}

// Refolds is all that a server knows of tables and refolds.
type Refolds struct {
	Aggregates []RefoldTable `json:"aggregates" nullable:"false"`
}

// RefoldTable is a table, and the refolds of it.
type RefoldTable struct {
	Aggregate string `json:"aggregate" doc:"In the plural."`
	Due       bool   `json:"due" doc:"Rows are of an older fold version than their worker: refold them."`
	// Partitions are those that a worker has taken over at any time.
	Partitions []Table  `json:"partitions" nullable:"false"`
	Refolds    []Refold `json:"refolds" nullable:"false" doc:"The newest first."`
}

// Table is a partition of a table.
type Table struct {
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"` // its owner, or the last one

	FoldVersion        int `json:"foldVersion"`
	WorkersFoldVersion int `json:"workersFoldVersion"`
}

// RefoldRequest is the body of a request that asks for a refold.
type RefoldRequest struct {
	Aggregate string `json:"aggregate"`
	DryRun    bool   `json:"dryRun"`
}
