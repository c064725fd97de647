package load

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// Told is a line of a record: a command, and what its sender was told.
type Told struct {
	Command
	Answer
	// Sent is when it was sent first.
	Sent time.Time `json:"sent"`
	// LatencyMillis is from when it was due to its answer.
	LatencyMillis float64 `json:"latencyMillis"`
	// Second is the answer to the second sending, if it differs from the first.
	Second *Answer `json:"second,omitempty"`
	// Error is why there is no answer.
	Error string `json:"error,omitempty"`
}

// Recorder writes what was told of every command, one JSON object a line. Every line is written by
// itself and at once, so that a killed process loses none but those of commands under way.
type Recorder struct {
	mu     sync.Mutex
	writer io.Writer
	err    error
}

// NewRecorder returns a recorder that writes into w, which shouldn't be buffered.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{writer: w} }

// add writes a line. A nil recorder writes nothing.
func (r *Recorder) add(told *Told) {
	if r == nil {
		return
	}
	line, err := json.Marshal(told)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		_, err = r.writer.Write(append(line, '\n'))
	}
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write the record: %w", err)
	}
}

// Err returns the first error.
func (r *Recorder) Err() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
