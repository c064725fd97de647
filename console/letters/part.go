package letters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"refold/client"
	"refold/console/frame"
)

// Letters are the dead letters of the installation.
type Letters interface {
	// List returns those that are committed now.
	List(ctx context.Context) (Listing, error)
	// Get returns one with all that is in it. The error is ErrMissing, with why, if there is none.
	Get(ctx context.Context, ref Ref) (*Whole, error)
	// Settle replays or discards some. With an error, what it returns is done all the same.
	Settle(ctx context.Context, o Order) (Outcome, error)
}

// ErrMissing says that there is no dead letter at a place.
var ErrMissing = errors.New("there is no dead letter")

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Command(ctx context.Context, aggregate, id, commandID string, wait time.Duration) (*client.Command, error)
}

// Ref is the place of a dead letter in its topic.
type Ref struct {
	Partition int32
	Offset    int64
}

// String is PARTITION/OFFSET.
func (r Ref) String() string { return fmt.Sprintf("%d/%d", r.Partition, r.Offset) }

// Path is where the letter's page is.
func (r Ref) Path() string {
	return frame.Path(segment, strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10))
}

// ParseRef reads what String writes.
func ParseRef(text string) (ref Ref, is bool) {
	partition, offset, found := strings.Cut(text, "/")
	p, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	return Ref{int32(p), o}, found && err == nil && err2 == nil && p >= 0 && o >= 0
}

// Letter is a dead letter without what is in it.
type Letter struct {
	Ref

	Time time.Time // when it was set aside
	// Topic, Partition, Offset and OriginTime say where it was before.
	Topic           string
	OriginPartition int32
	OriginOffset    int64
	OriginTime      time.Time
	Reason, Message string
	// Version is that of the worker that set it aside, Group its consumer group, Back where a replay goes.
	Version, Group, Back string
	// Projection and Reaction name the one that could not take the event; empty: none.
	Projection, Reaction string
	CutBytes             string // the size of a record that is not here
	ReplayOf             string // the letter that it was before
	Key                  []byte
	// Type, ID, Subject and CorrelationID are what the record's headers say.
	Type, ID, Subject, CorrelationID string
	Bytes                            int // of the value
	Settled                          *Settled
}

// Settled is what became of a letter.
type Settled struct {
	Outcome  string // "replayed", "discarded", or "unknown"
	Time     time.Time
	By, Note string
	Topic    string // where it was put back to
}

// Listing are the letters that there are.
type Listing struct {
	Letters []Letter // the newest first
	Older   bool     // there are older ones
	Foreign int      // records that are no dead letters
	Held    bool     // a transaction is open, behind which there may be more
}

// Whole is a letter with all that is in it.
type Whole struct {
	Letter

	Headers []Header
	Value   []byte
	Decoded Decoded
}

// Header is a header of the record.
type Header struct {
	Name  string
	Value []byte
}

// Decoded is the value by the schema that it was written with.
type Decoded struct {
	Schema, SchemaID string
	JSON             json.RawMessage
	// Why says why there is no JSON; nil: there is.
	Why error
	// From and To are the bytes of the value that are at fault, if Placed: From ≤ byte < To. Both are the
	// length if bytes are missing at the end. Less than 0 is in the header with the schema's ID.
	From, To int
	Placed   bool
}

// Order says what shall be done with which letters.
type Order struct {
	Refs     []Ref
	Discard  bool // instead of replay
	By, Note string
}

// Outcome is what was done with the letters of an Order.
type Outcome struct {
	Done    int
	Already []Ref // settled before
	Failed  []Failed
}

// Failed is a letter that can't be settled.
type Failed struct {
	Ref Ref
	Why string
}

// Kind is a kind of aggregate.
type Kind struct {
	Name, Plural string
	// Commands and Events are its topics, Others the rest of them.
	Commands, Events string
	Others           []string
}

const segment = "dead-letters"

type pages struct {
	letters Letters
	api     API
	kinds   []Kind
}

// Part returns the pages of dead letters.
func Part(letters Letters, api API, kinds []Kind) frame.Part {
	return func(site *frame.Site) {
		l := &pages{letters, api, kinds}
		list := frame.Path(segment)
		site.Tab(frame.Tab{Name: "Dead letters", Path: list, Order: frame.OrderDeadLetters})
		site.Handle("GET "+list, frame.Read, l.list)
		site.Handle("GET "+list+"/settle", frame.Read, l.confirm)
		site.Handle("POST "+list+"/settle", frame.Operate, l.settle)
		site.Handle("GET "+list+"/{partition}/{offset}", frame.Read, l.show)
	}
}
