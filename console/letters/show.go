package letters

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"refold/client"
	"refold/client/wire"
	"refold/console/frame"
)

// shown is the page of one letter.
type shown struct {
	*Whole
	meaning

	aggregate, trace string // where their pages are; empty: nowhere
	hex              *dump
	again            *Letter         // what came back after it was replayed
	result           *client.Command // of the command that was replayed
	before           string          // the page of the letter that it was before
	origin           *Kind
}

// show answers GET /console/dead-letters/{partition}/{offset}.
func (l *pages) show(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	name := r.PathValue("partition") + "/" + r.PathValue("offset")
	ref, is := ParseRef(name)
	if !is {
		return frame.NotFound("There is no such dead letter",
			strconv.Quote(name)+" names none: PARTITION/OFFSET does, such as 2/57.")
	}
	letter, err := l.letters.Get(r.Context(), ref)
	if errors.Is(err, ErrMissing) {
		return frame.NotFound("There is no such dead letter", sentence(err.Error()))
	}
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	s := &shown{
		Whole: letter, meaning: meaningOf(&letter.Letter), aggregate: l.aggregate(&letter.Letter),
		origin: l.kind(&letter.Letter),
	}
	if letter.CorrelationID != "" && utf8.ValidString(letter.CorrelationID) {
		s.trace = frame.Path("traces", letter.CorrelationID)
	}
	if before, is := ParseRef(letter.ReplayOf); is {
		s.before = before.Path()
	}
	if letter.CutBytes == "" {
		s.hex = dumpOf(letter.Value, letter.Decoded)
	}
	if letter.Settled != nil && letter.Settled.Outcome == "replayed" {
		if err := l.afterwards(r, s); err != nil {
			return err
		}
	}
	return p.Show(w, r, "Dead letter "+ref.String(), show(p, l, s))
}

// afterwards finds what became of a letter that was replayed.
func (l *pages) afterwards(r *http.Request, s *shown) error {
	all, err := l.letters.List(r.Context())
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	for i := range all.Letters {
		if all.Letters[i].ReplayOf == s.Ref.String() {
			s.again = &all.Letters[i]
			return nil
		}
	}
	if s.origin == nil || s.Settled.Topic != s.origin.Commands || s.ID == "" || s.aggregate == "" {
		return nil
	}
	s.result, err = l.api.Command(r.Context(), s.origin.Plural, string(s.Key), s.ID, 0)
	if client.IsNotFound(err) || client.HasCode(err, wire.CodeNoViews) ||
		client.HasCode(err, wire.CodeNotReady) {
		s.result, err = nil, nil
	}
	return err //nolint:wrapcheck // it becomes a page
}

// sentence makes a sentence of an error's text.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// suspect reports whether a header is the one that the message names.
func (s *shown) suspect(h Header) bool {
	return s.Reason == "bad-header" && h.Name != "" && strings.Contains(s.Message, h.Name)
}

// place says where the fault is, in words.
func (s *shown) place() string {
	d := s.Decoded
	switch {
	case s.CutBytes != "":
		return "The record is not here, so nothing can be said about its bytes."
	case d.Why == nil && d.JSON == nil:
		return "There is no value."
	case d.Why == nil && s.Reason == "bad-header":
		return "The value is whole; the fault is in the headers."
	case d.Why == nil:
		return "The value is whole: it reads by the schema that it was written with. No byte of it is at " +
			"fault."
	case !d.Placed:
		return "Which byte is at fault is not known: the decoder of this format does not tell."
	case d.To < 0 || d.From < 0:
		return "The fault is in the header __value_schema_id, before the first byte."
	case d.From >= len(s.Value):
		return "Bytes are missing at the end, after " + strconv.Itoa(len(s.Value)) + "."
	}
	return "The fault is at byte " + strconv.Itoa(d.From) + " (0x" + strconv.FormatInt(int64(d.From), 16) +
		"), which is marked."
}

// sequenceOf is the number of an event whose ID ends in it; empty: it does not.
func sequenceOf(id string) string {
	_, n, _ := cutLast(id)
	if _, err := strconv.ParseInt(n, 10, 64); err != nil {
		return ""
	}
	return n
}

func cutLast(id string) (before, after string, found bool) {
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		return id[:i], id[i+1:], true
	}
	return id, "", false
}

// aggregatePath leads to the aggregate, at the event that the letter is, if it is one.
func (s *shown) aggregatePath() string {
	if s.aggregate != "" && s.origin != nil && s.Topic == s.origin.Events {
		return frame.With(s.aggregate, "event", sequenceOf(s.ID))
	}
	return s.aggregate
}

// outcome is the state of a letter in a word.
func outcome(l *Letter) (frame.PillKind, string) {
	switch {
	case l.Settled == nil:
		return frame.Warn, "open"
	case l.Settled.Outcome == "replayed":
		return frame.Good, "replayed"
	case l.Settled.Outcome == "discarded":
		return frame.Plain, "discarded"
	}
	return frame.Bad, cmp.Or(l.Settled.Outcome, "unknown")
}
