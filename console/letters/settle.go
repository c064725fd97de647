package letters

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"refold/console/frame"
	"refold/console/words"
)

const (
	// maxNote limits the reason: it is kept with every letter.
	maxNote = 1024
	// maxOrdered limits the letters that are settled at once, to what is done before the page times out.
	maxOrdered = 10_000
	// listedRows is how many letters are listed before they are settled, and after.
	listedRows = 100
	// formBytes limits a form: that many letters, named by their places.
	formBytes = 1 << 20
)

// verbs are what is done with letters.
var verbs = map[bool]verb{
	false: {"replay", "Replay", "replayed"},
	true:  {"discard", "Discard", "discarded"},
}

type verb struct{ name, title, done string }

func verbOf(name string) (discard bool, err error) {
	switch name {
	case verbs[false].name:
		return false, nil
	case verbs[true].name:
		return true, nil
	}
	return false, frame.Invalid("What to do is " + strconv.Quote(name) + "; it must be replay or discard.")
}

// settling are letters that shall be settled.
type settling struct {
	filter
	verb

	letters []*Letter // open ones
	stuck   int       // how many of those can't be replayed
	left    int       // how many are too many for once
}

// confirm answers GET /console/dead-letters/settle?do=replay&…, with the filter of the list.
func (l *pages) confirm(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	discard, err := verbOf(r.URL.Query().Get("do"))
	if err != nil {
		return err
	}
	page, err := l.find(r, p)
	if err != nil {
		return err
	}
	s := &settling{filter: page.filter, verb: verbs[discard]}
	for _, letter := range page.found {
		switch {
		case letter.Settled != nil:
		case len(s.letters) == maxOrdered:
			s.left++
		default:
			s.letters = append(s.letters, letter)
			if !discard && stuck(letter) != "" {
				s.stuck++
			}
		}
	}
	title := s.title + " " + words.Plural(int64(len(s.letters)), "dead letter", "dead letters") + "?"
	return p.Show(w, r, title, confirm(p, l, s, title))
}

// refs names the letters for a form.
func (s *settling) refs() string {
	var b strings.Builder
	for i, letter := range s.letters {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(letter.Ref.String())
	}
	return b.String()
}

// settle answers POST /console/dead-letters/settle. What it does is what the form names, whatever has come
// since.
func (l *pages) settle(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	r.Body = http.MaxBytesReader(w, r.Body, formBytes)
	if err := r.ParseForm(); err != nil {
		return frame.Invalid("The form can't be read: " + err.Error() + ".")
	}
	discard, err := verbOf(r.PostForm.Get("do"))
	if err != nil {
		return err
	}
	o := Order{Discard: discard, By: p.User, Note: strings.TrimSpace(r.PostForm.Get("note"))}
	if len(o.Note) > maxNote {
		return frame.Invalid(
			fmt.Sprintf("The reason has %d bytes; at most %d are allowed.", len(o.Note), maxNote))
	}
	for _, name := range strings.Fields(r.PostForm.Get("refs")) {
		ref, is := ParseRef(name)
		if !is {
			return frame.Invalid(
				strconv.Quote(name) + " names no dead letter; PARTITION/OFFSET does, such as 2/57.")
		}
		o.Refs = append(o.Refs, ref)
	}
	switch n := len(o.Refs); {
	case n == 0:
		return frame.Invalid("No dead letter is named.")
	case n > maxOrdered:
		return frame.Invalid(
			fmt.Sprintf("%d dead letters are named; at most %d are settled at once.", n, maxOrdered))
	}
	p.Concerns(concerned(o.Refs))
	outcome, err := l.letters.Settle(r.Context(), o)
	if err != nil {
		return unfinished(verbs[discard], outcome, err)
	}
	if len(o.Refs) == 1 && outcome.Done == 1 {
		return p.Back(w, r, o.Refs[0].Path())
	}
	if len(o.Refs) == 1 && len(outcome.Failed) == 1 {
		return &frame.Problem{
			Status: http.StatusConflict, Title: "The dead letter can't be " + verbs[discard].done,
			Detail: outcome.Failed[0].Why, Do: "Its page says what would help.",
		}
	}
	title := words.Count(int64(outcome.Done)) + " " + verbs[discard].done
	return p.Show(w, r, title, settled(verbs[discard], &outcome, title))
}

// unfinished is the problem of letters of which some are settled and some not.
func unfinished(v verb, o Outcome, err error) error {
	return &frame.Problem{
		Status: http.StatusServiceUnavailable,
		Title:  "Not all dead letters are " + v.done,
		Detail: fmt.Sprintf("It was done with %s. Then: %v.",
			words.Plural(int64(o.Done), "letter", "letters"), err),
		Do: "Do it again: nothing is settled twice, and the rest follows.", Err: err,
	}
}

// concerned says for the audit trail which letters are meant, and where they are.
func concerned(refs []Ref) (on, path string) {
	if len(refs) == 1 {
		return "dead letter " + refs[0].String(), refs[0].Path()
	}
	return words.Plural(int64(len(refs)), "dead letter", "dead letters"),
		frame.With(frame.Path(segment), "state", "settled")
}
