package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/projections"
	"refold/readmodels"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// Fresh are the parameters by which a client asks for an answer that shows what it has written. It is a part
// of all inputs.
type Fresh struct {
	AtLeast  atLeast         `query:"atLeast"`
	Position position        `header:"X-Refold-Position"`
	Prefer   endpoint.Prefer `header:"Prefer"`
}

func (f *Fresh) fresh() *Fresh { return f }

// asked is a position, and where the client has named it.
type asked struct {
	path string
	at   projections.Point
}

// points returns what the answer must show.
func (f *Fresh) points() (all []asked) {
	for path, p := range map[string]point{
		"query.atLeast": f.AtLeast.point, "header." + wire.HeaderPosition: f.Position.point,
	} {
		if p.at != nil {
			all = append(all, asked{path, p.at})
		}
	}
	return all
}

// point is a position that an answer must show. It is a part of such parameters: these know from where.
type point struct {
	endpoint.Text

	at projections.Point // nil: none is given
}

// maxPointBytes is more than that of the longest ID.
const maxPointBytes = 4 << 10

// UnmarshalText reads it.
func (p *point) UnmarshalText(text []byte) (err error) {
	p.Sent = string(text)
	p.at, err = projections.ParsePoint(p.Sent)
	if err != nil || len(p.Sent) > maxPointBytes {
		p.Refuse("a position, such as account/alice@7, or account-events:3@1234 up to an offset")
	}
	return nil
}

func describePoint(description string) *huma.Param {
	return endpoint.Param(description, &huma.Schema{
		Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxPointBytes),
	}, "account/alice@7")
}

// atLeast is a position in the path.
type atLeast struct{ point }

// Describe returns its description.
func (atLeast) Describe(endpoint.Context) *huma.Param {
	return describePoint("A position that the answer must show. With Prefer: wait, it waits for that.")
}

// position is one in the header.
type position struct{ point }

// Describe returns its description.
func (position) Describe(endpoint.Context) *huma.Param {
	return describePoint("As atLeast: the header of a command's answer, sent back.")
}

// await returns when readers of a projection see all that the client has asked for, at once or while it
// waits, and what Preference-Applied says then.
func (e *endpoints) await(
	ctx context.Context, set *endpoint.Set, p *projections.Projection, f *Fresh,
) (applied string, err error) {
	points := f.points()
	wait, prefers := f.Prefer.Wait(set.Of().Wait)
	if prefers && len(points) > 0 {
		applied = endpoint.Applied(wait)
	}
	waiting, cancel := set.Waiting(ctx, wait)
	defer cancel()
	for _, asked := range points {
		shows, err := projections.Shows(ctx, e.storeOf(p), p, asked.at)
		switch {
		case errors.Is(err, projections.ErrNotTaken):
			return "", notTaken(p, asked)
		case shows:
		case wait > 0 && (err == nil || errors.Is(err, projections.ErrNoBuild)):
			err = e.waitFor(ctx, waiting, p, asked.at, applied)
		case err == nil:
			err = notYet(p, asked.at, applied)
		}
		if err != nil {
			return "", err //nolint:wrapcheck // it says what was looked at
		}
	}
	return applied, nil
}

// notTaken says that the read model never shows a position.
func notTaken(p *projections.Projection, a asked) *problem.Problem {
	var names []string
	for _, aggregate := range p.Reads() {
		names = append(names, aggregate.Named().Name)
	}
	return problem.Invalid(wire.Mistake{
		Path: a.path, Found: a.at.String(),
		Allowed: "a position of an aggregate whose events are in this read model: " +
			strings.Join(names, ", "),
	})
}

// waitFor waits for a position, unless too many do so.
func (e *endpoints) waitFor(
	ctx, waiting context.Context, p *projections.Projection, at projections.Point, applied string,
) error {
	select {
	case e.waiting <- struct{}{}:
		defer func() { <-e.waiting }()
	default:
		return problem.Of(views.ErrTooManyWaiters)
	}
	err := projections.Wait(waiting, e.storeOf(p), p, at)
	switch {
	case errors.Is(err, problem.ErrStopping):
		return problem.Of(problem.ErrStopping)
	case err != nil && ctx.Err() == nil && waiting.Err() != nil && !errors.Is(err, projections.ErrNoBuild):
		return notYet(p, at, applied)
	}
	return err //nolint:wrapcheck // it says what was waited for
}

// notYet says that the read model does not show a position.
func notYet(p *projections.Projection, at projections.Point, applied string) *problem.Problem {
	advice := "; try again, or wait with Prefer: wait=5"
	if applied != "" {
		advice = " and has not within " + strings.TrimPrefix(applied, "wait=") +
			" s; try again, if there is such a position"
	}
	says := problem.New(http.StatusServiceUnavailable, wire.CodeNotYet,
		"the read model %s does not show %s yet%s", p.Name, problem.Cut(at.String()), advice).Retry()
	if applied != "" {
		says.Set("Preference-Applied", applied)
	}
	return says
}

// storeOf returns where a projection is looked at.
func (e *endpoints) storeOf(p *projections.Projection) projections.LiveReader {
	switch p.Name {
	case readmodels.AccountCard.Name:
		return e.Cards
	case readmodels.OrderSearch.Name:
		return e.Documents
	default:
		return e.Database
	}
}
