package aggregates

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/console/frame"
)

// shown is the page of one aggregate.
type shown struct {
	id     string
	newest int64
	at     moment
	// changed are the differences from the state before, or from the one that it is compared with.
	changed []jsondiff.Change
	list    []change
	compare int64 // the state that it is compared with; 0: none
	reason  *reason

	events    []happened
	before    int64 // the history is that before this event; 0: from the newest
	next      int64 // before which it goes on; 0: nowhere
	noHistory bool
	marked    int64 // an event to be marked

	sent *client.Command // a command that was sent a moment ago
}

// show answers GET /console/accounts/{id}?at=&compare=&event=&why=&before=&sent=.
func (k *pages) show(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	s, numbers := &shown{id: r.PathValue("id")}, map[string]int64{}
	for _, name := range []string{"at", "compare", "event", "before"} {
		if text := r.URL.Query().Get(name); text != "" {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 0 {
				return frame.Invalid("The parameter " + name + " is " + strconv.Quote(text) +
					"; it must be a sequence: a whole number.")
			}
			numbers[name] = n
		}
	}
	now, err := k.now(r.Context(), s, r.URL.Query().Get("sent"))
	if client.IsNotFound(err) {
		return p.ShowStatus(w, r, http.StatusNotFound, k.Name+" "+s.id, missing(p, k, s))
	}
	if err != nil {
		return err
	}
	s.newest, s.at, s.before = now.Sequence, momentOf(now), numbers["before"]
	s.compare, s.marked = min(numbers["compare"], s.newest), numbers["event"]
	at := numbers["at"]
	if at == 0 {
		at = numbers["event"]
	}
	err = k.past(r.Context(), s, at, r.URL.Query().Get("why"))
	switch {
	case client.HasCode(err, wire.CodeNoHistory):
		s.noHistory = true
	case err != nil:
		return err
	}
	return p.Show(w, r, k.Name+" "+s.id, show(p, k, s))
}

// now returns the present state: one that has the events of the command that was sent before, if any.
func (k *pages) now(ctx context.Context, s *shown, sent string) (*client.Row, error) {
	get := client.Get{}
	if sent != "" {
		command, err := k.api.Command(ctx, k.Plural, s.id, sent, 0)
		if err != nil && !client.IsNotFound(err) {
			return nil, err //nolint:wrapcheck // it becomes a page
		}
		if err == nil {
			s.sent = command
			if command.Status == wire.StatusAccepted && command.LastSequence > 0 {
				get.AtLeast, get.Wait = command.LastSequence, 2*time.Second
			}
		}
	}
	return k.api.Get(ctx, k.Plural, s.id, get) //nolint:wrapcheck // it becomes a page
}

// past fills in what is known of the past.
func (k *pages) past(ctx context.Context, s *shown, at int64, why string) (err error) {
	if at > 0 && at < s.newest {
		if s.at, err = k.moment(ctx, s.id, at); err != nil {
			return err
		}
	}
	with := s.at.sequence - 1
	if s.compare > 0 {
		with = s.compare
	}
	before, err := k.moment(ctx, s.id, with)
	if err != nil {
		return err
	}
	if s.at.state != nil && (before.state != nil || with == 0) {
		s.changed = jsondiff.Between(before.state, s.at.state)
		s.list = k.changes(before.state, s.at.state)
	}
	if s.events, s.next, err = k.history(ctx, s.id, s.before); err != nil {
		return err
	}
	if s.at.time.IsZero() {
		for _, e := range s.events {
			if e.Sequence == s.at.sequence {
				s.at.time = e.Time
			}
		}
	}
	if why != "" && s.at.state != nil {
		s.reason, err = k.why(ctx, s.id, s.at, why)
	}
	return err
}

// path leads to the aggregate with other parameters.
func (k *pages) path(s *shown, pairs ...string) string {
	return frame.With(frame.Path(k.Plural, s.id), pairs...)
}

// atPath leads to the state after an event; the newest one has no parameter.
func (k *pages) atPath(s *shown, sequence int64) string {
	if sequence >= s.newest {
		return k.path(s)
	}
	return k.path(s, "at", number(sequence))
}

// whyPath returns where a field of the present moment is explained.
func (k *pages) whyPath(s *shown) func(string) string {
	if s.noHistory {
		return nil
	}
	return func(path string) string {
		at := ""
		if s.at.sequence < s.newest {
			at = number(s.at.sequence)
		}
		return k.path(s, "at", at, "why", path) + "#why"
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// compared is the sequence that a state is compared with, as it stands in the form.
func compared(s *shown) string {
	if s.compare == 0 {
		return ""
	}
	return number(s.compare)
}

// marks are the changes that are marked in a state: none in the newest one, unless it was asked for.
func marks(s *shown) []jsondiff.Change {
	if s.compare == 0 && s.at.sequence == s.newest && s.marked == 0 || s.at.sequence == 1 {
		return nil
	}
	return s.changed
}

// newer and older lead to the other pages of a history.
func newer(k *pages, s *shown) string {
	if s.before == 0 {
		return ""
	}
	if before := s.before + historyEvents; before <= s.newest {
		return k.path(s, "before", number(before))
	}
	return k.path(s)
}

func older(k *pages, s *shown) string {
	if s.next == 0 {
		return ""
	}
	return k.path(s, "before", number(s.next))
}
