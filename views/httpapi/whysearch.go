package httpapi

import (
	"context"
	"strings"
	"time"

	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/views"
	"refold/views/httpapi/problem"
)

const (
	// maxWhyEvents limits the events that a request looks back through, whyTime roughly for how long: with a
	// small state a thousand events take 30 ms.
	maxWhyEvents = 20_000
	whyTime      = 2 * time.Second
	// It begins with the last firstWhyStep events, among which most fields were set, and goes on with more at
	// a time, up to maxWhyStep, as long as each step takes less than quickWhyStep.
	firstWhyStep = 16
	maxWhyStep   = 1000
	quickWhyStep = 100 * time.Millisecond
)

// whySearch looks for the events that last set some fields.
type whySearch struct{ fields []soughtField }

type soughtField struct {
	path   jsondiff.Path
	value  *jsondiff.Value // nil: the state no longer has it
	event  int64           // that set it; 0: it is not found yet
	before *jsondiff.Value // nil: it was not there
}

// newSearch looks for the fields of the paths; without any, for all. It returns those whose first step the
// state does not know.
func newSearch(state *jsondiff.Value, paths []jsondiff.Path) (s *whySearch, wrong []wire.Mistake) {
	s = &whySearch{}
	if len(paths) == 0 {
		for i := range state.Members {
			if i == maxWhyFields {
				break
			}
			paths = append(paths, jsondiff.Path{}.Named(state.Members[i].Name))
		}
	}
	for _, path := range paths {
		if state.At(path[:1]) == nil {
			wrong = append(wrong, unknownField(state, path))
		}
		s.fields = append(s.fields, soughtField{path: path, value: state.At(path)})
	}
	return s, wrong
}

// unknownField says which fields there are, beside the first step of a path that is not there.
func unknownField(state *jsondiff.Value, path jsondiff.Path) wire.Mistake {
	known := 0
	for known < len(path) && state.At(path[:known+1]) != nil {
		known++
	}
	var names []string
	parent := state.At(path[:known])
	for _, m := range parent.Members {
		names = append(names, path[:known].Named(m.Name).String())
	}
	for i := range parent.Items {
		names = append(names, path[:known].At(i).String())
	}
	allowed := "a field of the state: " + strings.Join(names, ", ")
	if len(names) == 0 {
		allowed = path[:known].String() + ", which has no fields"
	}
	return wire.Mistake{Path: "query.field", Allowed: problem.Cut(allowed), Found: problem.Cut(path.String())}
}

// back looks from an event back, step by step, until all fields are found, the first event is reached, or it
// is enough. It returns the first event that was looked at. Each step is folded forward.
func (s *whySearch) back(
	ctx context.Context, newest int64, each func(first, last int64, fn func(views.PastRow) error) error,
) (from int64, err error) {
	began, step := time.Now(), int64(firstWhyStep)
	last := newest
	for last > 0 && s.open() && newest-last < maxWhyEvents && time.Since(began) < whyTime {
		stepBegan, first := time.Now(), max(last-step, 0)
		if err := s.within(first, last, each); err != nil {
			if ctx.Err() != nil && last < newest {
				break // what is found is better than nothing
			}
			return 0, err
		}
		last = first
		if time.Since(stepBegan) < quickWhyStep {
			step = min(4*step, maxWhyStep)
		}
	}
	return last + 1, nil
}

func (s *whySearch) open() bool {
	for i := range s.fields {
		if s.fields[i].event == 0 {
			return true
		}
	}
	return false
}

// within looks through the events behind first, up to last. The state before the first event is nothing.
func (s *whySearch) within(
	first, last int64, each func(first, last int64, fn func(views.PastRow) error) error,
) error {
	found := make([]soughtField, len(s.fields))
	before, known := (*jsondiff.Value)(nil), first == 0
	err := each(max(first, 1), last, func(row views.PastRow) error {
		after, err := jsondiff.Parse(rowOf(row.Row).State)
		if err != nil { // it has no JSON: what the event changed can't be said
			known = false
			return nil //nolint:nilerr // see above
		}
		for i := range s.fields {
			path := s.fields[i].path
			if is, was := after.At(path), before.At(path); known && !is.Equal(was) {
				found[i].event, found[i].before = row.Sequence, was
			}
		}
		before, known = after, true
		return nil
	})
	if err != nil {
		return err //nolint:wrapcheck // it says of what
	}
	for i := range s.fields {
		if s.fields[i].event == 0 {
			s.fields[i].event, s.fields[i].before = found[i].event, found[i].before
		}
	}
	return nil
}
