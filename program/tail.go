package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/kafka"
	"refold/views/livefeed"
)

const (
	// silence is how long a worker may say nothing before it is taken for gone: three heartbeats.
	silence = 50 * time.Second
	// tailPauseMax is the longest pause before a worker that is away is asked again.
	tailPauseMax = 10 * time.Second
)

type tailOptions struct {
	server string
	filter map[string]*[]string // by parameter of the query
	json   bool
}

func newTail() *cobra.Command {
	o := tailOptions{filter: make(map[string]*[]string)}
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Show commands, events, results and dead letters as they happen",
		Long: `Show commands, events, results and dead letters as they happen, by the HTTP API of a worker,
one a line, until interrupted. When the connection is lost it is made again, and what came meanwhile
is shown then; what was missed nevertheless is told.

A filter may be given several times, or values with commas between them. Those of one filter are
alternatives; a message must fit all filters.

--json prints each message as the worker sends it: an object a line, told apart by its member kind
(command, event, result, dead-letter, missed).`,
		Example: `  processor tail --aggregate account --kind event,result
  processor tail --correlation-id salary-november --json | jq .data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(o.server, 0) // a stream has no end
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	for _, f := range []struct{ flag, parameter, help string }{
		{"aggregate", "aggregate", "of these aggregates, such as account"},
		{"id", "id", "of the aggregates with these IDs, such as alice"},
		{"type", "type", "of these types, such as MoneyDeposited; a result's is Result"},
		{"kind", "kind", "of these kinds: command, event, result, dead-letter"},
		{"correlation-id", "correlationId", "of these chains: the ID of the command that began it"},
	} {
		o.filter[f.parameter] = flags.StringSlice(f.flag, nil, f.help)
	}
	flags.BoolVar(&o.json, "json", false, "print messages as JSON, one a line")
	return cmd
}

// run shows messages until ctx ends, or the worker refuses.
func (o *tailOptions) run(ctx context.Context, out, log io.Writer, c *client) error {
	at := place{}
	pause := time.Duration(0)
	for ctx.Err() == nil {
		before := at.id
		refused, err := o.listen(ctx, out, c, &at)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // interrupted, as it is meant to be
		case refused || at.id == "": // the first try tells what is wrong with the server's name
			return err
		case at.id != before:
			pause = at.retry
		default:
			pause = min(2*pause, tailPauseMax)
		}
		fmt.Fprintf(log, "the connection to %s is lost (%s); trying again in %v\n", c.server, err, pause)
		kafka.Sleep(ctx, pause)
	}
	return nil
}

// listen shows messages until the stream ends, and says why it did. refused: trying again is of no
// use.
func (o *tailOptions) listen(
	ctx context.Context, out io.Writer, c *client, at *place,
) (refused bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watch.Stop()
	response, err := o.open(ctx, c, at.id)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		a, err := c.read(response)
		if err == nil {
			err = a.problem()
		}
		return response.StatusCode < http.StatusInternalServerError, err
	}
	messages := newMessages(response.Body, at)
	for {
		m, err := messages.next(func() { watch.Reset(silence) })
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			} else if errors.Is(err, io.EOF) {
				err = errors.New("the worker has ended it")
			}
			return false, err
		}
		if o.json {
			fmt.Fprintf(out, "%s\n", m.data)
		} else if err := showMessage(out, m); err != nil {
			return true, err
		}
	}
}

func (o *tailOptions) open(ctx context.Context, c *client, after string) (*http.Response, error) {
	query := make(url.Values)
	for name, values := range o.filter {
		for _, value := range *values {
			query.Add(name, value)
		}
	}
	target := c.server + "/events/live"
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if after != "" {
		request.Header.Set("Last-Event-ID", after)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unanswered(err)
	}
	return response, nil
}

// showMessage prints a message in a line that people read.
func showMessage(w io.Writer, m *message) error {
	if m.event == "missed" {
		var missed livefeed.Missed
		if err := json.Unmarshal(m.data, &missed); err != nil {
			return fmt.Errorf("read a message: %w", err)
		}
		_, err := fmt.Fprintf(w, "missed: up to %d records, %s\n", missed.Records, missed.Why())
		return err
	}
	var shown livefeed.Message
	if err := json.Unmarshal(m.data, &shown); err != nil {
		return fmt.Errorf("read a message: %w", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-7s  %s  %s", shown.Time.Local().Format("15:04:05.000"), shown.Kind,
		legible(strings.TrimSpace(shown.Aggregate+" "+shown.Subject)), legible(what(&shown)))
	if shown.Aside != nil {
		fmt.Fprintf(&b, "  from %s/%d/%d: %s: %s", shown.Aside.Topic, shown.Aside.Partition,
			shown.Aside.Offset, legible(shown.Aside.Reason), shortened(shown.Aside.Message, maxDetail))
	}
	switch {
	case shown.Undecodable != "":
		fmt.Fprintf(&b, "  (%s)", shortened(shown.Undecodable, maxDetail))
	case shown.Kind != livefeed.Result:
		fmt.Fprintf(&b, "  %s", legible(string(shown.Data)))
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// maxDetail is how many characters of what is wrong are shown.
const maxDetail = 120

// what says what a message is: its type and ID, or the outcome of which command.
func what(m *livefeed.Message) string {
	if m.Kind != livefeed.Result {
		return strings.TrimSpace(m.Type + " " + m.ID)
	}
	var result struct {
		CommandType, Code, Message  string
		FirstSequence, LastSequence int64
	}
	_ = json.Unmarshal(m.Data, &result) // what can't be decoded is said elsewhere
	text := fmt.Sprintf("%s %s %s", result.CommandType, m.CausationID, m.Outcome)
	switch {
	case result.Code != "":
		text += ": " + result.Code + ": " + result.Message
	case result.LastSequence > result.FirstSequence:
		text += fmt.Sprintf(": events %d to %d", result.FirstSequence, result.LastSequence)
	case result.LastSequence == result.FirstSequence && m.Outcome != "":
		text += fmt.Sprintf(": event %d", result.FirstSequence)
	}
	if m.Repeated {
		text += " (again)"
	}
	return text
}
