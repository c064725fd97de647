package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/kafka"
	"refold/program/command"
)

// defaultEvents is how many events are shown unless --limit says otherwise.
const defaultEvents = 1000

type historyOptions struct {
	server               string
	limit                int
	json, newest, follow bool
}

func (p *program) newHistory() *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:   "history AGGREGATE ID",
		Short: "Show the events of an aggregate, and follow them",
		Long: `Show the events of an aggregate, by the HTTP API of a worker.

A line has the event's sequence, the time of its command, its type and its fields. Amounts of money
are whole numbers of minor units, as in the event.
--json prints one JSON object per line, as in GET /AGGREGATES/ID/events.
--follow begins with the latest events and goes on until Ctrl-C. It waits for an aggregate that does
not exist yet, and for a worker that is away.

Exit codes: 0 shown, 5 there is no such aggregate, 1 anything else.`,
		Example: `  processor history account alice
  processor history account alice --newest --limit 3
  processor history account alice --follow --json | jq -c .data`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.limit < 0 {
				return errors.New("--limit can't be less than 0")
			}
			aggregate, err := p.collection(args[0])
			if err != nil {
				return err
			}
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			h := &history{
				historyOptions: o, client: c, out: cmd.OutOrStdout(), log: cmd.ErrOrStderr(),
				aggregate: aggregate, id: args[1],
			}
			if o.follow {
				return h.followOn(cmd.Context())
			}
			return h.show(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.IntVar(&o.limit, "limit", defaultEvents, "show so many at most; 0: all")
	flags.BoolVar(&o.newest, "newest", false, "show the newest first")
	flags.BoolVar(&o.follow, "follow", false, "go on with what comes, until Ctrl-C")
	flags.BoolVar(&o.json, "json", false, "print a JSON object a line")
	cmd.MarkFlagsMutuallyExclusive("newest", "follow")
	return cmd
}

const (
	// followWait is the long poll of --follow.
	followWait = 20 * time.Second
	// firstFollowPause is the pause before a worker that is away is asked again; it doubles up to
	// longestFollowPause.
	firstFollowPause   = 250 * time.Millisecond
	longestFollowPause = 5 * time.Second
)

// history shows the history of one aggregate.
type history struct {
	historyOptions
	client        *client.Client
	out, log      io.Writer
	aggregate, id string
	headed        bool
}

// show prints the history, page by page, up to the limit. Pages are as large as the server makes
// them unasked: what it allows is its own affair.
func (h *history) show(ctx context.Context) error {
	shown := 0
	for event, err := range h.client.History(ctx, h.aggregate, h.id, client.Events{Newest: h.newest}) {
		if err != nil {
			return missing(h.log, err)
		}
		if h.limit > 0 && shown == h.limit {
			fmt.Fprintf(h.log, "there are more; --limit is %d\n", h.limit)
			return nil
		}
		if err := h.print(event); err != nil {
			return err
		}
		shown++
	}
	return nil
}

// followOn prints the latest events and those that come, until ctx ends.
func (h *history) followOn(ctx context.Context) error {
	next := h.latest
	if h.limit == 0 {
		next = h.more // behind 0: all of them
	}
	after, pause, told := int64(0), firstFollowPause, ""
	tell := func(what string) {
		if what != told && what != "" {
			fmt.Fprintln(h.log, what)
		}
		told = what
	}
	for answered := false; ctx.Err() == nil; {
		last, err := next(ctx, after)
		after = max(after, last)
		missing, _ := errors.AsType[*client.Problem](err)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			next, answered, pause = h.more, true, firstFollowPause
			tell("")
		case client.IsNotFound(err): // it waits at the worker already
			next, answered, pause = h.more, true, firstFollowPause
			tell(missing.Detail + " yet; waiting for it")
		case isAway(err, answered):
			tell(hinted(err).Error() + "; trying again")
			kafka.Sleep(ctx, pause)
			pause = min(2*pause, longestFollowPause)
		default:
			return hinted(err)
		}
	}
	return nil
}

// isAway reports whether an error is that of a worker that is there, or was, and can't answer now.
func isAway(err error, answered bool) bool {
	if p, is := errors.AsType[*client.Problem](err); is {
		return p.Status == http.StatusServiceUnavailable
	}
	_, is := errors.AsType[*client.UnavailableError](err)
	return is && answered
}

// more waits for events behind a sequence, prints them, and returns the sequence of the last one.
func (h *history) more(ctx context.Context, after int64) (int64, error) {
	page, err := h.client.EventPage(ctx, h.aggregate, h.id, client.Events{After: after, Wait: followWait})
	if err != nil {
		return after, err
	}
	return h.printAll(page.Events)
}

// latest prints the last events, as many as the limit says. Of an aggregate that isn't there yet,
// all are to come.
func (h *history) latest(ctx context.Context, _ int64) (int64, error) {
	var events []*client.Event
	for event, err := range h.client.History(ctx, h.aggregate, h.id, client.Events{Newest: true}) {
		if err != nil {
			return 0, err
		}
		if events = append(events, event); len(events) == h.limit {
			break
		}
	}
	slices.Reverse(events)
	return h.printAll(events)
}

// printAll prints events and returns the sequence of the last one, 0 if there is none.
func (h *history) printAll(events []*client.Event) (last int64, err error) {
	for _, event := range events {
		if err := h.print(event); err != nil {
			return last, err
		}
		last = event.Sequence
	}
	return last, nil
}

// A line of the history. Its columns have the width of what is usual; what is longer pushes the rest.
const historyColumns = "%6s  %-23s  %-20s  %s\n"

func (h *history) print(e *client.Event) error {
	if h.json {
		_, err := fmt.Fprintf(h.out, "%s\n", e.Raw)
		return err
	}
	if !h.headed {
		h.headed = true
		fmt.Fprintf(h.out, historyColumns, "SEQ", "TIME", "TYPE", "DATA")
	}
	data := fieldsOf(e.Event.Data)
	if e.Unreadable != nil {
		data = "unreadable: " + e.Unreadable.Code + ": " + command.Legible(e.Unreadable.Detail)
	}
	if e.ReadAs != nil {
		data += "  read as " + readAs(e.ReadAs)
	}
	line := fmt.Sprintf(historyColumns, strconv.FormatInt(e.Sequence, 10),
		e.Time.UTC().Format("2006-01-02T15:04:05.000"), command.Legible(e.Type), data)
	_, err := io.WriteString(h.out, strings.TrimRight(line, " \n")+"\n")
	return err
}

// readAs says what a record of a former version is read as.
func readAs(parts []wire.Part) string {
	if len(parts) == 0 {
		return "nothing"
	}
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = strings.TrimSpace(command.Legible(p.Type) + " " + fieldsOf(p.Data))
	}
	return strings.Join(texts, ", ")
}

// fieldsOf returns the fields of a JSON object for a terminal, in their order: "amount=500
// currency=EUR". Numbers are as they are in the JSON; what isn't a word is in quotes.
func fieldsOf(data json.RawMessage) string {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return command.Legible(string(data))
	}
	var fields []string
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return command.Legible(string(data))
		}
		var text string
		if json.Unmarshal(value, &text) != nil || text == "" || strings.ContainsAny(text, " \"=") {
			text = string(value)
		}
		fields = append(fields, fmt.Sprintf("%v=%s", name, command.Legible(text)))
	}
	return strings.Join(fields, "  ")
}
