package wire

import "time"

// Views tells where the views of a pod stand.
type Views struct {
	Views []View `json:"views" nullable:"false"`
}

// View tells where a view of a pod stands.
type View struct {
	Name       string          `json:"name"`
	Topic      string          `json:"topic"`
	Version    string          `json:"version" doc:"Of how its stores are filed."`
	Ready      bool            `json:"ready"`
	Missing    string          `json:"missing,omitempty" doc:"What it lacks to be ready."`
	Partitions []ViewPartition `json:"partitions" nullable:"false"`
	Rebuild    *ViewRebuild    `json:"rebuild,omitempty" doc:"This one, or the last one."`
}

// ViewPartition tells where a partition of a view stands.
type ViewPartition struct {
	Partition  int32 `json:"partition"`
	Offset     int64 `json:"offset" doc:"All up to this one is in it; -1: nothing yet."`
	Lag        int64 `json:"lag" doc:"Offsets to the end, markers included; -1: not known."`
	Restoring  bool  `json:"restoring" doc:"It is not read before that is done."`
	Rebuilding bool  `json:"rebuilding" doc:"By a rebuild, beside the copy that is read."`
}

// The values of ViewRebuild.Stage; the last three are final.
const (
	ViewRebuildRunning   = "running"
	ViewRebuildDone      = "done"
	ViewRebuildFailed    = "failed"
	ViewRebuildCancelled = "cancelled"
)

// ViewRebuild is the rebuilding of a view from offset zero.
type ViewRebuild struct {
	Stage      string    `json:"stage" enum:"running,done,failed,cancelled"`
	By         string    `json:"by"`
	Partitions []int32   `json:"partitions" nullable:"false"`
	Done       int       `json:"done" doc:"How many of the partitions are done."`
	Partition  int32     `json:"partition" doc:"The one that is being rebuilt; -1: none."`
	Next       int64     `json:"next" doc:"The offset where that one is."`
	End        int64     `json:"end" doc:"The offset where it ends, as far as is known."`
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended,omitzero"`
	Reason     string    `json:"reason,omitempty" doc:"Why it failed."`
}

// ViewRebuildRequest is the body of a request that asks for one.
type ViewRebuildRequest struct {
	Partitions []int32 `json:"partitions"` // all, if none is named
}
