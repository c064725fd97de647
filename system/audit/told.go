package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Told is what the sender of a command was told, as a load records it.
type Told struct {
	ID            string `json:"id"`
	Aggregate     string `json:"aggregate"`
	Subject       string `json:"subject"`
	Type          string `json:"type"`
	Outcome       string `json:"outcome"` // accepted, rejected, unknown, refused
	FirstSequence int64  `json:"firstSequence"`
	LastSequence  int64  `json:"lastSequence"`
	Code          string `json:"code"`
	// Second is the answer to a second sending, if it was another one.
	Second *json.RawMessage `json:"second"`
}

// maxToldBytes limits a line of a record.
const maxToldBytes = 1 << 20

// ReadTold reads a record: JSON lines.
func ReadTold(path string) ([]Told, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading what was told: %w", err)
	}
	defer file.Close()
	var told []Told
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxToldBytes)
	for lines.Scan() {
		var one Told
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, len(told)+1, err)
		}
		told = append(told, one)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading what was told: %w", err)
	}
	return told, nil
}

// CheckTold checks that every sender was told what has happened (G1): the one outcome of his
// command, by all answers; and that what was refused at the door never came in. A sender who was
// told nothing can't have been told anything wrong.
func (s *Shop) CheckTold(told []Told) []Breach {
	c := &shopChecker{shop: s}
	c.index()
	for _, t := range told {
		result, decided := c.results[t.ID]
		_, came := c.commands[t.ID]
		switch {
		case t.Second != nil:
			c.breach("told", "the sender of %s was told two things, the second: %s", t.ID, *t.Second)
		case t.Outcome == "unknown":
		case t.Outcome == "refused":
			if came {
				c.breach("told", "%s was refused at the door, and is in its topic", t.ID)
			}
		case !decided:
			c.breach("told", "%s was told to be %s, and has no result", t.ID, t.Outcome)
		case result.Key != t.Subject || result.Type != t.Type ||
			result.Accepted != (t.Outcome == "accepted") || result.Code != t.Code ||
			result.First != t.FirstSequence || result.Last != t.LastSequence:
			c.breach("told", "%s was told to be %s %q, events %d to %d; its result says %t %q, %d to %d",
				t.ID, t.Outcome, t.Code, t.FirstSequence, t.LastSequence,
				result.Accepted, result.Code, result.First, result.Last)
		}
	}
	return c.breaches
}
