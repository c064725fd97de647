package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs"
	"refold/codecs/jsonvalue"
	"refold/views"
)

// rowBody is an aggregate as JSON.
type rowBody struct {
	ID       string `json:"id"`
	Sequence int64  `json:"sequence"`
	State    any    `json:"state"`
	// Time is that of the last event; of states of the past only.
	Time *time.Time `json:"time,omitempty"`
	// Links are of rows in lists: JSON can't hold every ID as it is.
	Links *links `json:"links,omitempty"`
	// Unreadable is set where State is null.
	Unreadable *unreadableBody `json:"unreadable,omitempty"`
}

const (
	// maxStateBytes limits the JSON of one state, maxPageBytes roughly that of a page: eight times the
	// default limit of a record, as codecs has it, and what our own client reads of an answer.
	maxStateBytes = 8 << 20
	maxPageBytes  = 16 << 20
)

// codeNoJSON is why a state can be read, but not be shown.
const codeNoJSON = "no-json"

// rowOf shows a row. A state that has no JSON, or too much of it, and a row that can't be decoded are marked
// as unreadable: neither hides the other rows of a page.
func rowOf(r views.Row) rowBody {
	body := rowBody{ID: r.ID, Sequence: r.Sequence}
	if r.Unreadable != nil {
		body.Unreadable = unreadable(r.Unreadable)
		return body
	}
	text, err := jsonvalue.Marshal(r.State, maxStateBytes)
	switch {
	case err == nil:
		body.State = json.RawMessage(text)
	case errors.Is(err, jsonvalue.ErrTooLarge):
		body.Unreadable = &unreadableBody{Code: string(codecs.ReasonTooLarge), Detail: cut(err.Error())}
	default:
		body.Unreadable = &unreadableBody{Code: codeNoJSON, Detail: cut(err.Error())}
	}
	return body
}

func (b *rowBody) bytes() int {
	text, _ := b.State.(json.RawMessage)
	return len(b.ID) + len(text)
}

// pageBody is a page of the list.
type pageBody struct {
	Items []rowBody `json:"items"`
	Next  string    `json:"next,omitempty"`
}

type getRowInput struct {
	ID          string `path:"id"`
	AtLeast     string `query:"atLeast"`
	Sequence    string `query:"sequence"`
	Time        string `query:"time"`
	IfNoneMatch string `header:"If-None-Match"`
	Prefer      string `header:"Prefer"`
}

type getRowOutput struct {
	Status            int
	ETag              string `header:"ETag"`
	PartitionOffset   string `header:"Refold-Partition-Offset"`
	CacheControl      string `header:"Cache-Control"`
	PreferenceApplied string `header:"Preference-Applied"`
	Body              any
}

type listInput struct {
	After string `query:"after"`
	Limit string `query:"limit"`
}

type listOutput struct {
	Link         string `header:"Link"`
	CacheControl string `header:"Cache-Control"`
	Body         any
}

// revalidate lets a cache keep an answer, but not use it unasked.
const revalidate = "no-cache"

// registerResource adds the endpoints of an aggregate.
func (s *Server) registerResource(r *Resource) error {
	register(s, s.getRowOperation(r),
		func(ctx context.Context, in *getRowInput) (*getRowOutput, error) {
			return s.getRow(ctx, r, in)
		})
	register(s, s.listOperation(r),
		func(_ context.Context, in *listInput) (*listOutput, error) { return s.list(r, in) })
	if r.Events != nil {
		register(s, s.eventsOperation(r),
			func(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
				return s.listEvents(ctx, r, in)
			})
	}
	s.registerCommand(r)
	operation, err := s.sendOperation(r)
	if err != nil {
		return err
	}
	register(s, operation,
		func(ctx context.Context, in *sendInput) (*commandOutput, error) {
			return s.send(ctx, r, in)
		})
	return nil
}

// register adds a handler to the API, whose errors become problems. Parameters are read by the
// handlers themselves, which say better what would be right.
func register[I, O any](s *Server, operation huma.Operation,
	handler func(context.Context, *I) (*O, error),
) {
	operation.SkipValidateParams = true
	operation.SkipValidateBody = true
	operation.BodyReadTimeout = -1                      // the body is in memory already, see admit
	if !slices.Contains(operation.Tags, tagOperation) { // probes may ask what they like
		operation.Middlewares = append(operation.Middlewares, checkQuery(operation.Parameters))
	}
	huma.Register(s.api, operation, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.asProblem(ctx, operation.OperationID, err)
		}
		return out, nil
	})
}

// getRow answers GET /accounts/{id}.
func (s *Server) getRow(ctx context.Context, r *Resource, in *getRowInput) (*getRowOutput, error) {
	if in.Sequence != "" || in.Time != "" {
		return s.getPast(ctx, r, in)
	}
	atLeast, err := readRowInput(in)
	if err != nil {
		return nil, err
	}
	row, applied, err := s.readRow(ctx, r, in, atLeast)
	switch {
	case errors.Is(err, views.ErrNotFound):
		return nil, problem(http.StatusNotFound, codeNotFound, "there is no %s %q", r.Name, in.ID)
	case err != nil:
		return nil, err
	case row.Sequence < atLeast:
		return nil, notYet(r, in.ID, row.Sequence, atLeast, applied)
	}
	out := showRow(row, rowOf(row), in.IfNoneMatch)
	out.PreferenceApplied = applied
	return out, nil
}

// showRow answers with a row's body, unless the client has it.
func showRow(row views.Row, body rowBody, ifNoneMatch string) *getRowOutput {
	text := encoded(body)
	tag := tagOf(row.Sequence, text)
	out := &getRowOutput{
		Status: http.StatusOK, ETag: tag.String(), CacheControl: revalidate, Body: text,
		PartitionOffset: row.Position.String(),
	}
	if !noneMatch(ifNoneMatch, tag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out
}

// readRow reads the row, waiting for it (G10) if the client named a sequence and prefers to wait.
// A row that didn't come in time is returned as it is; none at all is at sequence 0 then.
func (s *Server) readRow(ctx context.Context, r *Resource, in *getRowInput, atLeast int64) (
	row views.Row, applied string, err error,
) {
	wait, prefers := preferredWait(in.Prefer, s.limits.Wait)
	if atLeast == 0 || !prefers {
		row, err = r.Rows.Get(in.ID)
	} else {
		var cancel context.CancelFunc
		ctx, cancel = s.waiting(ctx, wait)
		defer cancel()
		applied = preferenceApplied(wait)
		row, err = r.Rows.WaitFor(ctx, in.ID, atLeast)
	}
	late := errors.Is(err, views.ErrNotYet) && !errors.Is(err, errStopping)
	if late || errors.Is(err, views.ErrNotFound) && atLeast > 0 {
		err = nil // the caller sees by the sequence that it is too old
	}
	return row, applied, err
}

func preferenceApplied(wait time.Duration) string {
	return "wait=" + strconv.Itoa(int(wait/time.Second))
}

// notYet says that the state is older than the client needs (G10). It is no 412: that would say
// that the request can't succeed as it is, while this one will in a moment.
func notYet(r *Resource, id string, sequence, atLeast int64, applied string) *Problem {
	is := "is at sequence " + formatSequence(sequence) + " here"
	if sequence == 0 {
		is = "is not here yet"
	}
	advice := "; try again, or wait with Prefer: wait=5"
	if applied != "" {
		advice = " and has not come within " + strings.TrimPrefix(applied, "wait=") +
			" s; try again, if there is such a sequence"
	}
	p := problem(http.StatusServiceUnavailable, codeNotYet,
		"the %s %q %s, sequence %d is asked for%s", r.Name, id, is, atLeast, advice).retry()
	if applied != "" {
		p.headers.Set("Preference-Applied", applied)
	}
	return p
}

func readRowInput(in *getRowInput) (atLeast int64, err error) {
	if in.AtLeast == "" {
		return 0, nil
	}
	atLeast, ok := queryNumber(in.AtLeast)
	if !ok {
		return 0, invalid(mistake{
			Path: "query.atLeast", Allowed: "a sequence: a whole number from 0", Found: in.AtLeast,
		})
	}
	return atLeast, nil
}

// list answers GET /accounts.
func (s *Server) list(r *Resource, in *listInput) (*listOutput, error) {
	limit, wrong := s.pageLimit(in.Limit)
	if wrong != nil {
		return nil, invalid(*wrong)
	}
	page, err := r.Rows.List(in.After, limit)
	if err != nil {
		return nil, err
	}
	body, bytes := pageBody{Items: []rowBody{}}, 0
	for i, row := range page.Rows {
		item := rowOf(row)
		item.Links = &links{Self: pathOf(r, row.ID)}
		body.Items = append(body.Items, item)
		if bytes += item.bytes(); bytes >= maxPageBytes && i+1 < len(page.Rows) {
			page.Next = row.ID
			break
		}
	}
	out := &listOutput{CacheControl: revalidate}
	if page.Next != "" {
		query := url.Values{"after": {page.Next}, "limit": {strconv.Itoa(limit)}}
		body.Next = "/" + r.Plural + "?" + query.Encode()
		out.Link = "<" + body.Next + `>; rel="next"`
	}
	out.Body = body
	return out, nil
}

// pageLimit reads the limit of a page.
func (s *Server) pageLimit(text string) (limit int, wrong *mistake) {
	if text == "" {
		return s.defaultPageRows(), nil
	}
	rows, ok := queryNumber(text)
	if !ok || rows < 1 || rows > int64(s.limits.PageRows) {
		return 0, &mistake{
			Path: "query.limit", Found: text,
			Allowed: "a whole number from 1 to " + strconv.Itoa(s.limits.PageRows),
		}
	}
	return int(rows), nil
}

// defaultPageRows is the limit of a page whose request names none.
func (s *Server) defaultPageRows() int { return max(s.limits.PageRows/10, 1) }
