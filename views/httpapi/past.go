package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func (in *getRowInput) ofPast() bool { return in.Sequence.Sent != "" || in.Time.Sent != "" }

// pastSequence is the sequence of a state of the past. It has no example, nor has pastTime: a client that
// sends the examples of all parameters would send some that exclude each other.
type pastSequence struct{ endpoint.Number }

// Describe returns its description, if there are states of the past.
func (pastSequence) Describe(c endpoint.Context) *huma.Param {
	if !c.Past {
		return nil
	}
	return endpoint.Param("The state after the event of this sequence. Not beside time.",
		endpoint.IntegerSchema(1, 0), nil)
}

// UnmarshalText reads it.
func (p *pastSequence) UnmarshalText(text []byte) error {
	return p.Read(text, 1, "a sequence: a whole number from 1")
}

// pastTime is the time of a state of the past.
type pastTime struct {
	endpoint.Text
	time time.Time
}

// Describe returns its description, if there are states of the past.
func (pastTime) Describe(c endpoint.Context) *huma.Param {
	if !c.Past {
		return nil
	}
	return endpoint.Param("The state before the first event that is later. An event that follows a "+
		"later one, because a clock went back, is as late as that. Not beside sequence.",
		&huma.Schema{Type: huma.TypeString, Format: endpoint.FormatTime}, nil)
}

// UnmarshalText reads it.
func (p *pastTime) UnmarshalText(text []byte) (err error) {
	p.Sent = string(text)
	if p.time, err = codecs.ParseTime(p.Sent); err != nil {
		p.Refuse(endpoint.TimeAllowed)
	}
	return nil
}

// Resolve says which parameters exclude each other.
func (in *getRowInput) Resolve(huma.Context) (wrong []error) {
	if in.ofPast() && in.AtLeast.Sent != "" {
		wrong = append(wrong, &endpoint.Mistake{
			Path: "query.atLeast", Allowed: "not beside sequence or time: the past does not change",
			Found: in.AtLeast.Sent,
		})
	}
	if in.Sequence.Sent != "" && in.Time.Sent != "" {
		wrong = append(wrong, &endpoint.Mistake{
			Path: "query.time", Allowed: "either sequence or time", Found: in.Time.Sent,
		})
	}
	return wrong
}

// getPast answers GET /accounts/{id}?sequence=N and ?time=T.
func (s *Server) getPast(ctx context.Context, r *Resource, in *getRowInput) (*getRowOutput, error) {
	if r.NoHistory {
		return nil, noHistory(r)
	}
	id, moment := string(in.ID), views.Moment{Sequence: in.Sequence.N, Time: in.Time.time}
	row, err := r.Past.At(ctx, id, moment)
	if err != nil {
		return nil, pastProblem(r, id, moment, row, err)
	}
	body := rowOf(row.Row)
	body.Time = &row.Time
	return showRow(row.Row, body, in.IfNoneMatch), nil
}

// pastProblem is why there is no state of a moment.
func pastProblem(r *Resource, id string, m views.Moment, row views.PastRow, err error) error {
	switch {
	case errors.Is(err, views.ErrNotYet):
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotYet,
			"the %s %q is at sequence %d here, "+
				"sequence %d is asked for; try again, or ask for the newest with atLeast=%[4]d",
			r.Name, id, row.Sequence, m.Sequence).Retry()
	case errors.Is(err, views.ErrNotFound) && m.Time.Equal(ever):
		return problem.New(http.StatusNotFound, wire.CodeNotFound, "there is no %s %q", r.Name, id)
	case errors.Is(err, views.ErrNotFound):
		return problem.New(http.StatusNotFound, wire.CodeNotFound, "there was no %s %q then", r.Name, id)
	}
	return err
}
