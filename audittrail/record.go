package audittrail

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// TopicName returns the topic of an installation with a prefix of topics.
func TopicName(prefix string) string { return prefix + "audit-trail" }

// Stage says how far an operation has come.
type Stage string

// The stages.
const (
	Begun   Stage = "begun"
	Done    Stage = "done"
	Refused Stage = "refused" // it was not done: what was asked for was wrong, or not possible
	Failed  Stage = "failed"  // it was not done, or not all of it
)

// From says by which way somebody came.
type From string

// The ways.
const (
	Console     From = "console"
	HTTP        From = "http"
	CommandLine From = "command-line"
)

// Record is a record of the trail. Its JSON is a contract: members are added, and never changed.
type Record struct {
	// Sequence is 1, 2, 3 … It is known when the record is read.
	Sequence int64 `json:"sequence,omitempty"`
	// ID is the same in both records of an operation.
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Stage Stage     `json:"stage"`
	Who   string    `json:"who"`
	From  From      `json:"from"`
	// At is the worker or the host that did it.
	At string `json:"at"`
	// What names the operation, such as "rebuild", and On its object, such as "accounts".
	What string `json:"what"`
	On   string `json:"on,omitempty"`
	// Path is where the console shows what it was done to.
	Path       string            `json:"path,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
	// Outcome says more about the end, such as why it failed.
	Outcome string `json:"outcome,omitempty"`
}

const (
	// maxText limits each text of a record: who reads it reads no more.
	maxText = 512
	// maxParameters limits the parameters; more say the less the more they are.
	maxParameters = 32
)

// limited returns a record whose texts are not too long.
func (r Record) limited() Record {
	for _, text := range []*string{&r.Who, &r.At, &r.What, &r.On, &r.Outcome} {
		*text = cut(*text)
	}
	if len(r.Path) > maxText {
		r.Path = "" // half an address leads elsewhere
	}
	kept := make(map[string]string, min(len(r.Parameters), maxParameters))
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		if len(kept) == maxParameters {
			break
		}
		kept[cut(name)] = cut(r.Parameters[name])
	}
	r.Parameters = kept
	return r
}

func cut(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	const more = "…"
	return strings.ToValidUTF8(text[:maxText-len(more)], "") + more
}

func (r Record) encode() ([]byte, error) {
	r.Sequence = 0
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode a record of the audit trail: %w", err)
	}
	return b, nil
}

// decode never fails: a record that nobody can read is shown as one.
func decode(offset int64, at time.Time, value []byte) Record {
	r := Record{}
	if err := json.Unmarshal(value, &r); err != nil || r.What == "" {
		r = Record{Time: at, Stage: Failed, Who: "unknown", What: "a record that can't be read"}
	}
	r.Sequence = offset + 1
	return r
}

// has reports whether a record is about a text.
func (r *Record) has(text string) bool {
	text = strings.ToLower(text)
	for _, in := range []string{r.What, r.On, r.Path, r.Outcome} {
		if strings.Contains(strings.ToLower(in), text) {
			return true
		}
	}
	for _, value := range r.Parameters {
		if strings.Contains(strings.ToLower(value), text) {
			return true
		}
	}
	return false
}
