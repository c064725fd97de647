package readers

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Fault is what is wrong with an answer.
type Fault string

// What may be wrong.
const (
	Back         Fault = "back"         // older than what the client has seen, or less
	Undocumented Fault = "undocumented" // no answer that the API describes
	Differing    Fault = "differing"    // one pod answers otherwise than another, and nothing moves
)

// Finding is an answer with something wrong about it.
type Finding struct {
	At     time.Time `json:"at"`
	Fault  Fault     `json:"fault"`
	Pod    string    `json:"pod"`
	Path   string    `json:"path"`
	Sent   time.Time `json:"sent"` // when the request was
	Status int       `json:"status,omitempty"`
	Why    string    `json:"why"`
	Body   string    `json:"body,omitempty"` // its beginning
}

// Tally is how many answers there were of each kind.
type Tally struct {
	// Reads were sent, of which Answered were answered with what was asked for, or with 404; Refused, with a
	// documented problem; and of Unanswered the connection broke.
	Reads, Answered, Refused, Unanswered int
	// Back, Undocumented and Differing are findings, by their Fault.
	Back, Undocumented, Differing int
}

// Whole reports whether no answer was old, and none differs from another pod's.
func (t Tally) Whole() bool { return t.Back == 0 && t.Differing == 0 }

// String is a part of the run's last line.
func (t Tally) String() string {
	return fmt.Sprintf("reads=%d reads_answered=%d reads_refused=%d reads_unanswered=%d reads_back=%d "+
		"reads_undocumented=%d answers_differing=%d", t.Reads, t.Answered, t.Refused, t.Unanswered, t.Back,
		t.Undocumented, t.Differing)
}

// record is the tally, and the findings in a file.
type record struct {
	mu     sync.Mutex
	tally  Tally
	codes  map[string]int // of refusals, and how many there were
	file   io.Writer
	report func(Finding)
}

func newRecord(file io.Writer, report func(Finding)) *record {
	return &record{codes: map[string]int{}, file: file, report: report}
}

const (
	// mostRecorded findings are written down, and mostReported of each fault are reported; all are counted.
	mostRecorded = 1_000
	mostReported = 5
	bodyRecorded = 500
)

// outcome is what became of a read that has nothing wrong about it.
type outcome uint8

const (
	answered outcome = iota
	refused
	unanswered
)

// count counts a read without a finding.
func (r *record) count(o outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.Reads++
	switch o {
	case answered:
		r.tally.Answered++
	case refused:
		r.tally.Refused++
	case unanswered:
		r.tally.Unanswered++
	}
}

// refuse counts a read that was refused with a documented problem.
func (r *record) refuse(code string) {
	r.count(refused)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.codes[code]++
}

// find notes a finding.
func (r *record) find(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.At, f.Body = time.Now(), f.Body[:min(len(f.Body), bodyRecorded)]
	t := &r.tally
	number := &t.Back
	switch f.Fault {
	case Back:
		t.Reads++
	case Undocumented:
		t.Reads++
		number = &t.Undocumented
	case Differing:
		number = &t.Differing
	}
	*number++
	if t.Back+t.Undocumented+t.Differing <= mostRecorded {
		text, err := json.Marshal(f)
		if err == nil {
			_, err = r.file.Write(append(text, '\n'))
		}
		if err != nil {
			f.Why += fmt.Sprintf(" (not recorded: %v)", err)
		}
	}
	if *number <= mostReported {
		r.report(f)
	}
}
