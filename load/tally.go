package load

import (
	"maps"
	"sync"
	"time"
)

// Tally is how a run is going. The zero value is ready for use.
type Tally struct {
	called        string // what stories are called
	mu            sync.Mutex
	counts        Counts
	whole, recent latencies
}

// Counts are how many of what.
type Counts struct {
	// Commands is how many were begun; each counts once, however often it is sent.
	Commands int            `json:"commands"`
	Accepted int            `json:"accepted"`
	Rejected int            `json:"rejected"`
	Codes    map[string]int `json:"codes"`
	// Repeated is how many were sent twice on purpose; Retried, how many were asked again for
	// want of an answer.
	Repeated int `json:"repeated"`
	Retried  int `json:"retried"`
	// Failed is what failed for good: refused, no answer, two answers that differ, a story that
	// got stuck. Unknown is what the end of the run cut off.
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
	// Stories are by state, on their way and at their end. In JSON they have the name that the traffic calls
	// them by: see [Summary.WriteJSON].
	Stories map[string]int `json:"-"`
	// Failures are the first ones, in words.
	Failures []string `json:"failures"`
}

// maxFailures is how many failures are told in words.
const maxFailures = 10

// Summary is a Tally at one moment.
type Summary struct {
	Counts
	// Called is what Stories are called, such as "orders"; "" if there are none.
	Called string
	// P50 and P99 are the latency, from when a command was due to its answer, of the whole run;
	// the others since the last Summary.
	P50, P99             time.Duration
	RecentP50, RecentP99 time.Duration
}

// Summary returns the counts so far, and begins a new interval.
func (t *Tally) Summary() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Summary{
		Counts: t.counts, Called: t.called,
		P50: t.whole.quantile(.5), P99: t.whole.quantile(.99),
		RecentP50: t.recent.quantile(.5), RecentP99: t.recent.quantile(.99),
	}
	s.Codes, s.Stories = make(map[string]int), make(map[string]int)
	maps.Copy(s.Codes, t.counts.Codes)
	maps.Copy(s.Stories, t.counts.Stories)
	s.Failures = append([]string{}, s.Failures...)
	t.recent = latencies{}
	return s
}

func (t *Tally) began() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Commands++
}

// answered counts an answer.
func (t *Tally) answered(c *Command, a Answer, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch a.Outcome {
	case Accepted:
		t.counts.Accepted++
	case Rejected:
		t.counts.Rejected++
		if t.counts.Codes == nil {
			t.counts.Codes = make(map[string]int)
		}
		t.counts.Codes[a.Code]++
	case Unknown, Refused:
		return
	}
	t.whole.add(took)
	t.recent.add(took)
	expected := 1
	if c.Sending != Once {
		t.counts.Repeated++
		expected = 2
	}
	if a.Attempts > expected {
		t.counts.Retried++
	}
}

// cutOff counts a command that has no answer since the run ends.
func (t *Tally) cutOff() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Unknown++
}

func (t *Tally) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Failed++
	if len(t.counts.Failures) < maxFailures {
		t.counts.Failures = append(t.counts.Failures, err.Error())
	}
}

// storyMoved counts a story in another state. It came from none if from is empty.
func (t *Tally) storyMoved(from, to string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.Stories == nil {
		t.counts.Stories = make(map[string]int)
	}
	if from != "" {
		t.counts.Stories[from]--
		if t.counts.Stories[from] == 0 {
			delete(t.counts.Stories, from)
		}
	}
	t.counts.Stories[to]++
}
