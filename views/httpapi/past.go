package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs"
	"refold/views"
)

const (
	formatTime  = "date-time"
	timeAllowed = "a time of RFC 3339, such as 2026-01-31T23:59:59Z (a + in it is %2B)"
)

// pastParams have no examples: a client that sends those of all parameters would send some that exclude
// each other.
func pastParams() []*huma.Param {
	return []*huma.Param{
		param("query", "sequence", "The state after the event of this sequence. Not beside time.",
			integerSchema(1, 0), nil),
		param("query", "time", "The state before the first event that is later. An event that follows a "+
			"later one, because a clock went back, is as late as that. Not beside sequence.",
			&huma.Schema{Type: huma.TypeString, Format: formatTime}, nil),
	}
}

// notBesideMoment says in the description of atLeast what OpenAPI has no other word for.
func notBesideMoment(r *Resource) string {
	if r.Past == nil {
		return ""
	}
	return " Not beside sequence or time: the past does not change. That is a 400."
}

// getPast answers GET /accounts/{id}?sequence=N and ?time=T.
func (s *Server) getPast(ctx context.Context, r *Resource, in *getRowInput) (*getRowOutput, error) {
	moment, err := readMoment(in)
	if err != nil {
		return nil, err
	}
	row, err := r.Past.At(ctx, in.ID, moment)
	switch {
	case errors.Is(err, views.ErrNotYet):
		return nil, problem(http.StatusServiceUnavailable, codeNotYet, "the %s %q is at sequence %d here, "+
			"sequence %d is asked for; try again, or ask for the newest with atLeast=%[4]d",
			r.Name, in.ID, row.Sequence, moment.Sequence).retry()
	case errors.Is(err, views.ErrNotFound):
		return nil, problem(http.StatusNotFound, codeNotFound, "there was no %s %q then", r.Name, in.ID)
	case err != nil:
		return nil, err
	}
	body := rowOf(row.Row)
	body.Time = &row.Time
	return showRow(row.Row, body, in.IfNoneMatch), nil
}

func readMoment(in *getRowInput) (m views.Moment, err error) {
	var mistakes []mistake
	wrong := func(path, allowed, found string) {
		mistakes = append(mistakes, mistake{Path: path, Allowed: allowed, Found: found})
	}
	if in.AtLeast != "" {
		wrong("query.atLeast", "not beside sequence or time: the past does not change", in.AtLeast)
	}
	if in.Sequence != "" && in.Time != "" {
		wrong("query.time", "either sequence or time", in.Time)
	}
	if in.Sequence != "" {
		var ok bool
		if m.Sequence, ok = queryNumber(in.Sequence); !ok || m.Sequence < 1 {
			wrong("query.sequence", "a sequence: a whole number from 1", in.Sequence)
		}
	}
	if in.Time != "" {
		if m.Time, err = codecs.ParseTime(in.Time); err != nil {
			wrong("query.time", timeAllowed, in.Time)
		}
	}
	if len(mistakes) > 0 {
		return m, invalid(mistakes...)
	}
	return m, nil
}
