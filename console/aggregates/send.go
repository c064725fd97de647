package aggregates

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"refold/client"
	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/console/frame"
	"refold/console/values"
)

// sendWait is how long a page waits for the outcome of a command.
const sendWait = 5 * time.Second

// sending is the form of a command.
type sending struct {
	id        string
	command   Command
	value     *jsondiff.Value
	expect    string // the sequence, as it was typed; empty: any
	commandID string
	sequence  int64 // of the aggregate; 0: it is not there yet

	rejected *client.Command // what came of it before
	problem  *client.Problem
}

// form answers GET /console/accounts/{id}/send?type=.
func (k *pages) form(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	s, err := k.sending(r, r.URL.Query().Get("type"))
	if err != nil {
		return err
	}
	s.expect = strconv.FormatInt(s.sequence, 10)
	s.value = values.Parse(s.command.Example)
	if s.command.Example == nil {
		s.value = s.command.shape.empty()
	}
	return p.Show(w, r, s.command.Type+" to "+s.id, send(p, k, s))
}

// sending returns the form of a command of a type; of the first one if the type is empty.
func (k *pages) sending(r *http.Request, typeName string) (*sending, error) {
	if len(k.Commands) == 0 {
		return nil, frame.NotFound("There is nothing to send", "No command to "+k.Plural+" is for clients.")
	}
	s := &sending{id: r.PathValue("id"), command: k.Commands[0], commandID: uuid.NewString()}
	if typeName != "" {
		at := k.commandIndex(typeName)
		if at < 0 {
			return nil, frame.NotFound("There is no such command",
				"The "+k.Plural+" have no command "+strconv.Quote(typeName)+".")
		}
		s.command = k.Commands[at]
	}
	row, err := k.api.Get(r.Context(), k.Plural, s.id, client.Get{})
	switch {
	case err == nil:
		s.sequence = row.Sequence
	case !client.IsNotFound(err):
		return nil, err //nolint:wrapcheck // it becomes a page
	}
	return s, nil
}

func (k *pages) commandIndex(typeName string) int {
	for i, c := range k.Commands {
		if c.Type == typeName {
			return i
		}
	}
	return -1
}

// send answers POST /console/accounts/{id}/send: it sends the command, or gives its lists a row more or less.
func (k *pages) send(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if err := r.ParseForm(); err != nil {
		return frame.Invalid("The form can't be read: " + err.Error() + ".")
	}
	s, err := k.sending(r, r.PostForm.Get("type"))
	if err != nil {
		return err
	}
	s.expect = r.PostForm.Get("expect")
	if s.value, err = s.command.shape.filled(r.PostForm, rootField); err != nil {
		return err
	}
	title := s.command.Type + " to " + s.id
	if s.command.shape.edited(s.value, r.PostForm) {
		return p.Show(w, r, title, send(p, k, s))
	}
	asked := client.Send{
		Type: s.command.Type, Data: json.RawMessage(s.value.String()), ID: s.commandID, Wait: sendWait,
	}
	if id := r.PostForm.Get("commandId"); id != "" {
		asked.ID = id // the same form sent twice is one command
	}
	if s.expect != "" {
		n, err := strconv.ParseInt(s.expect, 10, 64)
		if err != nil || n < 0 {
			return frame.Invalid("The expected sequence is " + strconv.Quote(s.expect) +
				"; it must be a whole number from 0, or empty for any.")
		}
		asked.Expect = &n
	}
	command, err := k.api.Send(r.Context(), k.Plural, s.id, asked)
	if problem, is := errors.AsType[*client.Problem](err); is && problem.Status < 500 {
		s.problem = problem
		return p.ShowStatus(w, r, problem.Status, title, send(p, k, s))
	}
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	if command.Status == wire.StatusRejected {
		s.rejected = command
		return p.ShowStatus(w, r, http.StatusUnprocessableEntity, title, send(p, k, s))
	}
	return p.Back(w, r, frame.With(frame.Path(k.Plural, s.id), "sent", command.ID))
}

// pathOfType leads to the form of another command.
func (k *pages) pathOfType(id, typeName string) string {
	return frame.Path(k.Plural, id) + "/send?" + url.Values{"type": {typeName}}.Encode()
}

// types are the forms that there are.
func (k *pages) types(s *sending) []frame.Link {
	links := make([]frame.Link, len(k.Commands))
	for i, c := range k.Commands {
		links[i] = frame.Link{
			Text: c.Type, Path: k.pathOfType(s.id, c.Type),
			Active: c.Type == s.command.Type,
		}
	}
	return links
}
