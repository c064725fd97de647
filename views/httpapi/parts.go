package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/problem"
)

func init() { ofServer = append(ofServer, registerParts) }

// What pods ask each other to put an answer together. No client has a use for it, it may change with every
// version of the program, and is no part of the API's description:
//
//	POST /internal/parts/rows      partRowsQuestion      → partRows
//	POST /internal/parts/commands  partCommandsQuestion  → partCommands
//	POST /internal/parts/command   partCommandQuestion   → partCommand
//	POST /internal/parts/trace     partTraceQuestion     → partTrace
//
// A question names the partitions that the pod is taken for the owner of. If one of them is not here, the
// answer is 421, with headerNotHere: a part without its rows would look like a whole one. Questions that do
// not come from a pod are refused. They are POST for their length, and change nothing. Other errors are
// problems, as everywhere.
const partsPath = "/internal/parts/"

// exact is a text that JSON carries byte for byte, also if it is no UTF-8: escaped as in a path.
type exact string

// MarshalText escapes it.
func (e exact) MarshalText() ([]byte, error) { return []byte(url.PathEscape(string(e))), nil }

// UnmarshalText reads what MarshalText wrote.
func (e *exact) UnmarshalText(text []byte) error {
	raw, err := url.PathUnescape(string(text))
	*e = exact(raw)
	return err //nolint:wrapcheck // the client is told what is wrong
}

// partitions are partitions by aggregate.
type partitions map[string][]int32

type partRowsQuestion struct {
	Aggregate  string  `json:"aggregate"`
	Partitions []int32 `json:"partitions"`
	After      exact   `json:"after"`
	Limit      int     `json:"limit"` // of rows
	Bytes      int     `json:"bytes"` // roughly, of their JSON; one row is always given
}

// partRows are rows in the order of their keys, and where there may be more.
type partRows struct {
	Rows []partRow `json:"rows"`
	More bool      `json:"more"`
	Next exact     `json:"next"` // what the next question has as after, if there may be more
}

type partRow struct {
	Key exact    `json:"key"`
	Row wire.Row `json:"row"`
}

type partCommandsQuestion struct {
	Partitions partitions    `json:"partitions"`
	ID         exact         `json:"id"`
	Wait       time.Duration `json:"wait"` // for the first one; 0: no longer than it takes
}

type partCommands struct {
	Commands []partCommand `json:"commands"`
	More     bool          `json:"more"`
}

type partCommandQuestion struct {
	Aggregate string        `json:"aggregate"`
	Subject   exact         `json:"subject"`
	ID        exact         `json:"id"`
	AtLeast   views.Status  `json:"atLeast"`
	Wait      time.Duration `json:"wait"` // until it is as far as AtLeast
}

// partCommand is a command, its texts byte for byte. Late says that it was not as far in time.
type partCommand struct {
	views.Command

	ID, Subject, Type, Code, Message exact
	Late                             bool
}

func newPartCommand(c views.Command) partCommand {
	return partCommand{
		Command: c, ID: exact(c.ID), Subject: exact(c.Subject), Type: exact(c.Type), Code: exact(c.Code),
		Message: exact(c.Message),
	}
}

func (p *partCommand) command() views.Command {
	c := p.Command
	c.ID, c.Subject, c.Type = string(p.ID), string(p.Subject), string(p.Type)
	c.Code, c.Message = string(p.Code), string(p.Message)
	return c
}

type partTraceQuestion struct {
	Partitions partitions `json:"partitions"`
	ID         exact      `json:"id"`
}

type partTrace struct {
	Messages  []partMessage `json:"messages"`
	Truncated bool          `json:"truncated"`
}

// partMessage is a message of a trace, its texts byte for byte.
type partMessage struct {
	views.Message

	ID, CausationID, CorrelationID, Subject, Type, Code, Detail, Reason, OriginTopic exact
}

func newPartMessage(m views.Message) partMessage {
	return partMessage{
		Message: m, ID: exact(m.ID), CausationID: exact(m.CausationID), CorrelationID: exact(m.CorrelationID),
		Subject: exact(m.Subject), Type: exact(m.Type), Code: exact(m.Code), Detail: exact(m.Detail),
		Reason: exact(m.Reason), OriginTopic: exact(m.Origin.Topic),
	}
}

func (p *partMessage) message() views.Message {
	m := p.Message
	m.ID, m.CausationID, m.CorrelationID = string(p.ID), string(p.CausationID), string(p.CorrelationID)
	m.Subject, m.Type, m.Code = string(p.Subject), string(p.Type), string(p.Code)
	m.Detail, m.Reason, m.Origin.Topic = string(p.Detail), string(p.Reason), string(p.OriginTopic)
	return m
}

func registerParts(s *Server) error {
	if s.peers == nil {
		return nil
	}
	part(s, "rows", s.partRows)
	part(s, "commands", s.partCommands)
	part(s, "command", s.partCommand)
	if s.options.Traces != nil {
		part(s, "trace", s.partTrace)
	}
	return nil
}

// part adds an endpoint for other pods.
func part[Q, A any](s *Server, name string, answer func(context.Context, *Q) (*A, error)) {
	s.endpoints.HandleFunc("POST "+partsPath+name, func(w http.ResponseWriter, r *http.Request) {
		if !marked(r) {
			problem.Write(w, problem.New(http.StatusForbidden, wire.CodeNoRoute,
				"this is for other pods only"))
			return
		}
		var question Q
		if err := json.Unmarshal(bodyOf(r), &question); err != nil {
			problem.Write(w, problem.New(http.StatusBadRequest, wire.CodeMalformedJSON,
				"the question can't be read; does the other pod run another version?").Because(err))
			return
		}
		got, err := answer(r.Context(), &question)
		if err != nil {
			problem.Write(w, s.endpoints.Problem(r.Context(), "part-"+name, misplaced(r.Context(), err)))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = problem.Encode(w, got) // always nil
	})
}

// allHere returns nil if all the partitions are here since the times of before, which it notes if there are
// none yet. Otherwise it returns an *absentError.
func (s *Server) allHere(of partitions, before map[aPartition]uint64) error {
	var missing []aPartition
	for aggregate, all := range of {
		for _, partition := range all {
			at := aPartition{aggregate, partition}
			now := s.options.Placement.Here(aggregate, partition)
			if was, known := before[at]; now == 0 || known && was != now {
				missing = append(missing, at)
			}
			before[at] = now
		}
	}
	if len(missing) > 0 {
		return &absentError{missing}
	}
	return nil
}

// readHere calls read, and makes sure that the partitions were here all the time: a part without the rows of
// one of them is none.
func readHere[T any](s *Server, of partitions, read func() (T, error)) (got T, err error) {
	before := make(map[aPartition]uint64)
	if err := s.allHere(of, before); err != nil {
		return got, err
	}
	if got, err = read(); err != nil {
		return got, err
	}
	return got, s.allHere(of, before)
}
