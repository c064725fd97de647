package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Record says which topic the installation has under a name. Its key in the topic is the name.
type Record struct {
	Topic string `json:"-"`
	// ID is the topic's, as Kafka's tools print it. Empty: the installation has none, and may make one.
	ID string `json:"topicId"`
	// Instead is the ID that the installation knew until then; the record counts only if it did. Empty:
	// none.
	Instead string    `json:"insteadOf,omitempty"`
	Time    time.Time `json:"time"`
	Version string    `json:"version"` // of the program
	By      string    `json:"by"`
	Note    string    `json:"note,omitempty"` // of the person that accepted it
}

// known is what the records say, by topic.
type known map[string]Record

// errSuperseded says that a record does not count: it came instead of something else than it says.
var errSuperseded = errors.New("another record came first")

// apply takes a record in. A record that does not count, or that this package did not write, is an error,
// and changes nothing.
func (k known) apply(key, value []byte) error {
	var r Record
	if err := json.Unmarshal(value, &r); err != nil {
		return fmt.Errorf("inventory: the record of %.100q: %w", key, err)
	}
	r.Topic = string(key)
	if r.Instead != k[r.Topic].ID {
		return fmt.Errorf("inventory: the record of %.100q: %w", key, errSuperseded)
	}
	k[r.Topic] = r
	return nil
}
