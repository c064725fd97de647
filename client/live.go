package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"refold/client/wire"
)

const (
	// silence is how long a worker may say nothing before it is taken for gone: three heartbeats.
	silence = 50 * time.Second
	// longestPause is the longest pause before the next worker is asked.
	longestPause = 10 * time.Second
)

// Listen says which messages are meant: those that fit every list. An empty list means all.
type Listen struct {
	Aggregates     []string // by name, in the singular: "account"
	IDs            []string // of aggregates
	Types          []string
	CorrelationIDs []string
	Kinds          []wire.Kind
	// After is the position behind which to begin: the one of an item that was got with the same filter;
	// empty: now.
	After string
	// Lost is called when a connection is lost, before the next one is made after the pause; may be nil.
	Lost func(server string, err error, pause time.Duration)
}

// Item is something that a listener gets: a message, or word of messages that it has missed.
type Item struct {
	Message  *wire.Message
	Missed   *wire.Missed
	Position string          // behind it, for Listen.After
	Raw      json.RawMessage // the message as it came
}

// Listen returns what happens, as it happens, until ctx ends. A connection that is lost is made again, to the
// next worker if there are several, and what came meanwhile comes then; what was missed nevertheless is told.
//
// It ends with an error if the first connection can't be made, or if a worker refuses the request.
func (c *Client) Listen(ctx context.Context, l Listen) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		s := &stream{client: c, request: get(withQuery("/events/live", l.query())), place: place{id: l.After}}
		began, pause := l.After != "", time.Duration(0)
		for ctx.Err() == nil {
			before := s.place.id
			err := s.listen(ctx, yield)
			switch {
			case ctx.Err() != nil || errors.Is(err, errEnough):
				return
			case s.place.id != before:
				began, pause = true, s.place.retry
			default:
				pause = min(max(2*pause, s.place.retry), longestPause)
			}
			if p, is := errors.AsType[*Problem](err); !began || is && !p.IsRetriable() {
				yield(nil, err)
				return
			}
			if l.Lost != nil {
				l.Lost(s.server, err, pause)
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

func (l *Listen) query() url.Values {
	query := url.Values{}
	for name, values := range map[string][]string{
		"aggregate": l.Aggregates, "id": l.IDs, "type": l.Types, "correlationId": l.CorrelationIDs,
	} {
		for _, value := range values {
			query.Add(name, value)
		}
	}
	for _, kind := range l.Kinds {
		query.Add("kind", string(kind))
	}
	return query
}

// stream is what one listener reads, from one worker after the other.
type stream struct {
	client  *Client
	request *request
	place   place
	server  string // the present one, or the last one
}

var (
	errEnough = errors.New("the listener has left")
	errEnded  = errors.New("the worker has ended it")
)

// listen gives the items of one connection, and returns why there are no more.
func (s *stream) listen(ctx context.Context, yield func(*Item, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watch.Stop()
	if s.place.id != "" {
		s.request.header.Set("Last-Event-ID", s.place.id)
	}
	from := s.client.next()
	s.server = from.url
	response, err := s.client.open(ctx, from, s.request)
	from.noted(err, false)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		a, err := s.client.read(from, response)
		if err != nil {
			return err
		}
		return a.problem()
	}
	messages := newMessages(response.Body, &s.place)
	for {
		m, err := messages.next(func() { watch.Reset(silence) })
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			if errors.Is(err, io.EOF) {
				return errEnded
			}
			return err
		}
		item, err := m.item()
		if err != nil {
			return err
		}
		if !yield(item, nil) {
			return errEnough
		}
	}
}

// item decodes a message.
func (m *message) item() (*Item, error) {
	item := &Item{Position: m.id, Raw: m.data}
	var into any
	if wire.Kind(m.event) == wire.KindMissed {
		item.Missed = &wire.Missed{}
		into = item.Missed
	} else {
		item.Message = &wire.Message{}
		into = item.Message
	}
	if err := json.Unmarshal(m.data, into); err != nil {
		return nil, fmt.Errorf("read a message: %w", err)
	}
	return item, nil
}
