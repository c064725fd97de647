package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"refold/client"
	"refold/client/wire"
)

// HTTP is a system behind the APIs of its workers. When one doesn't answer, the next one is asked.
type HTTP struct {
	client *client.Client
}

const (
	// waitFor is how long a worker may wait for an outcome; then it is asked again.
	waitFor = 5 * time.Second
	// requestTimeout is more than a worker takes for a request by its defaults, beside waitFor: 5 s to send
	// the command.
	requestTimeout = 10 * time.Second
	// maxAnswerBytes limits what is read of an answer.
	maxAnswerBytes = 4 << 20
)

// NewHTTP returns a system of the workers at the URLs. It holds as many connections to each as
// there are commands and looks under way.
func NewHTTP(urls []string, concurrency int) (*HTTP, error) {
	c, err := client.New(urls, client.Options{
		HTTP: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: 2 * concurrency, MaxConnsPerHost: 4 * concurrency,
			IdleConnTimeout: time.Minute,
		}},
		RequestTimeout: requestTimeout, AnswerBytes: maxAnswerBytes,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the URL
	}
	return &HTTP{c}, nil
}

// Reach fails if no worker answers at all: before a run that is a wrong address; later it is what
// the run is for.
func (h *HTTP) Reach(ctx context.Context) error {
	_, err := h.client.Ready(ctx)
	if _, answered := errors.AsType[*client.Problem](err); err == nil || answered {
		return nil
	}
	return fmt.Errorf("no worker answers: %w", err)
}

// Close closes the connections that are idle.
func (h *HTTP) Close() { h.client.Close() }

// Send sends a command and waits for its outcome.
func (h *HTTP) Send(ctx context.Context, c Command) (Answer, error) {
	answer := Answer{Outcome: Unknown}
	for retry := (backoff{}); ; {
		answer.Attempts++
		told, err := h.client.Send(ctx, c.Plural, c.Subject, client.Send{
			Type: c.Type, Data: c.Data, ID: c.ID, Expect: c.Expected, Wait: waitFor,
		})
		problem, _ := errors.AsType[*client.Problem](err)
		switch {
		case problem != nil:
			answer.HTTPStatus = problem.Status
			if !problem.IsRetriable() {
				answer.Outcome = Refused
				return answer, fmt.Errorf("%w: %w", ErrRefused, err)
			}
		case err != nil: // asked again
		default:
			answer.HTTPStatus = told.HTTPStatus
			switch told.Status {
			case wire.StatusAccepted:
				answer.Outcome = Accepted
				answer.FirstSequence, answer.LastSequence = told.FirstSequence, told.LastSequence
				return answer, nil
			case wire.StatusRejected:
				answer.Outcome, answer.Code = Rejected, told.Code
				return answer, nil
			}
			err = errors.New("it has no outcome yet")
		}
		if retry.wait(ctx) != nil {
			return answer, fmt.Errorf("no answer after %d tries; the last: %w", answer.Attempts, err)
		}
	}
}
