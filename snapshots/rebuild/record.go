package rebuild

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Request is a request for the rebuild of a group's table.
type Request struct {
	ID         string    `json:"id"`
	Group      string    `json:"group"`
	Partitions int32     `json:"partitions"` // of the table
	DryRun     bool      `json:"dryRun"`     // compare only, write nothing
	By         string    `json:"by"`
	Time       time.Time `json:"time"`
	// Cancelled says who cancelled it. Partitions that had ended stay as they are.
	Cancelled *Cancellation `json:"cancelled,omitempty"`
}

// Cancellation of a request.
type Cancellation struct {
	By   string    `json:"by"`
	Time time.Time `json:"time"`
}

// Stage is the stage of the rebuild of a partition.
type Stage string

// The stages, in their order. A partition that gets another owner starts over.
const (
	Waiting   Stage = "waiting"   // for its owner, or for what Reason says
	Folding   Stage = "folding"   // events from offset zero are folded into a shadow
	Comparing Stage = "comparing" // live rows are compared with the shadow
	Closing   Stage = "closing"   // rows that differ are written, between two transactions
	Done      Stage = "done"
	Failed    Stage = "failed" // finally, as Reason says; rows that were corrected stay so
	Cancelled Stage = "cancelled"
)

// Final reports whether no stage follows.
func (s Stage) Final() bool { return s == Done || s == Failed || s == Cancelled }

// PartitionProgress is the progress of the rebuild of one partition, and in the end its result.
type PartitionProgress struct {
	Stage       Stage   `json:"stage"`
	Reason      string  `json:"reason,omitempty"` // why it waits or has failed
	Worker      string  `json:"worker,omitempty"`
	FoldVersion int     `json:"foldVersion,omitempty"`
	EventsRead  int64   `json:"eventsRead"`
	EventsTotal int64   `json:"eventsTotal"`
	Rate        float64 `json:"eventsPerSecond"`
	SecondsLeft float64 `json:"secondsLeft"`
	Differing   int64   `json:"differing"` // rows known to differ so far

	Equal   int64 `json:"equal"`
	Changed int64 `json:"changed"`
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	// Steps is how many times commands were held up so that rows could be corrected, and LongestStep
	// the longest of these times.
	Steps       int     `json:"steps,omitempty"`
	LongestStep float64 `json:"longestStepSeconds,omitempty"`
	// Samples are some of the rows that differ, of a dry run.
	Samples json.RawMessage `json:"samples,omitempty"`

	Began   time.Time `json:"began"`
	Updated time.Time `json:"updated"`
}

// owner is the record that a worker writes when it takes a partition over.
type owner struct {
	Session string    `json:"session"`
	Worker  string    `json:"worker"`
	Own     int       `json:"workersFoldVersion"`
	Version int       `json:"foldVersion"` // of the rows, as they were taken over
	Time    time.Time `json:"time"`
}

// refolded is the record that a worker writes when it has refolded a partition.
type refolded struct {
	Session string    `json:"session"`
	Version int       `json:"foldVersion"`
	Time    time.Time `json:"time"`
}

// key is a parsed key of the topic.
type key struct {
	group     string
	request   string // of a request or of its progress
	partition int32  // none: of the request itself
	refolded  bool
}

const none int32 = -1

var errKey = errors.New("is no key of a record about rebuilds")

func (k key) String() string {
	switch p := strconv.Itoa(int(k.partition)); {
	case k.request != "" && k.partition == none:
		return k.group + "/requests/" + k.request
	case k.request != "":
		return k.group + "/requests/" + k.request + "/" + p
	case k.refolded:
		return k.group + "/partitions/" + p + "/refolded"
	default:
		return k.group + "/partitions/" + p
	}
}

func parseKey(text string) (k key, err error) {
	parts := strings.Split(text, "/")
	refused := fmt.Errorf("%q %w", text, errKey)
	if len(parts) < 3 || len(parts) > 4 || parts[0] == "" || parts[2] == "" {
		return k, refused
	}
	k = key{group: parts[0], partition: none}
	last := len(parts) == 4
	switch parts[1] {
	case "requests":
		k.request = parts[2]
		if last {
			k.partition, err = partition(parts[3])
		}
	case "partitions":
		k.partition, err = partition(parts[2])
		if last && parts[3] != "refolded" {
			return k, refused
		}
		k.refolded = last
	default:
		return k, refused
	}
	if err != nil {
		return k, refused
	}
	return k, nil
}

func partition(text string) (int32, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return none, errKey
	}
	return int32(n), nil
}
