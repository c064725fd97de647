package main

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

	"refold/client/wire"
)

type historyOptions struct {
	server               string
	limit                int
	json, newest, follow bool
}

func newHistory() *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:   "history AGGREGATE ID",
		Short: "Show the events of an aggregate, and follow them",
		Long: `Show the events of an aggregate, by the HTTP API of a worker.

A line has the event's sequence, the time of its command, its type and its fields. Amounts of money
are whole numbers of minor units, as they are in the event.
--json prints a JSON object a line, as GET /AGGREGATES/ID/events has them.
--follow begins with the latest events and goes on until Ctrl-C; it waits for an aggregate that is
not there yet, and for a worker that is away.

Exit codes: 0 shown, 5 there is no such aggregate, 1 anything else.`,
		Example: `  processor history account alice
  processor history account alice --newest --limit 3
  processor history account alice --follow --json | jq -c .data`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.limit < 0 {
				return errors.New("--limit can't be less than 0")
			}
			path, err := collection(args[0])
			if err != nil {
				return err
			}
			c, err := newClient(o.server, requestTimeout+followWait)
			if err != nil {
				return err
			}
			h := &history{
				historyOptions: o, client: c, out: cmd.OutOrStdout(), log: cmd.ErrOrStderr(),
				path: path + "/" + wire.Segment(args[1]) + "/events",
			}
			if o.follow {
				return h.followOn(cmd.Context())
			}
			return h.show(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.IntVar(&o.limit, "limit", defaultListed, "show so many at most; 0: all")
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
	client   *client
	out, log io.Writer
	path     string
	headed   bool
}

// historyEvent is an event as the API gives it.
type historyEvent struct {
	Type       string          `json:"type"`
	Sequence   int64           `json:"sequence"`
	Time       time.Time       `json:"time"`
	Data       json.RawMessage `json:"data"`
	Unreadable *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"unreadable"`
}

// eventsPage is a page of the API.
type eventsPage struct {
	Items    []json.RawMessage `json:"items"`
	Sequence int64             `json:"sequence"`
	Next     string            `json:"next"`
}

// page asks for a page. missing says that there is no such aggregate, in the server's words.
func (h *history) page(ctx context.Context, path string, wait time.Duration) (
	page eventsPage, missing *answer, err error,
) {
	header := map[string]string{}
	if wait > 0 {
		header["Prefer"] = "wait=" + strconv.Itoa(int(wait/time.Second))
	}
	a, err := h.client.do(ctx, http.MethodGet, path, nil, header)
	switch {
	case err != nil:
		return page, nil, err
	case a.status == http.StatusNotFound:
		return page, a, nil
	case a.status == http.StatusServiceUnavailable:
		return page, nil, &unavailableError{a.problem(), true}
	case a.status != http.StatusOK:
		return page, nil, a.problem()
	}
	if err := json.Unmarshal(a.raw, &page); err != nil {
		return page, nil, fmt.Errorf("read the answer: %w", err)
	}
	return page, nil, nil
}

// show prints the history, page by page, up to the limit. Pages are as large as the server makes
// them unasked: what it allows is its own affair.
func (h *history) show(ctx context.Context) error {
	path := h.path
	if h.newest {
		path += "?order=newest"
	}
	for shown := 0; path != ""; {
		page, missing, err := h.page(ctx, path, 0)
		if err != nil {
			return err
		}
		if missing != nil {
			fmt.Fprintln(h.log, missing.Detail)
			return exitError{exitNotFound}
		}
		wanted := len(page.Items)
		if h.limit > 0 {
			wanted = min(wanted, h.limit-shown)
		}
		if err := h.print(page.Items[:wanted]); err != nil {
			return err
		}
		shown, path = shown+wanted, page.Next
		if shown == h.limit && (path != "" || wanted < len(page.Items)) {
			fmt.Fprintf(h.log, "there are more; --limit is %d\n", h.limit)
			return nil
		}
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
		last, missing, err := next(ctx, after)
		away, isAway := errors.AsType[*unavailableError](err)
		switch {
		case ctx.Err() != nil:
		case isAway && (answered || away.isWorker):
			tell(err.Error() + "; trying again")
			sleep(ctx, pause)
			pause = min(2*pause, longestFollowPause)
		case err != nil:
			return err
		default:
			after, next, answered, pause = last, h.more, true, firstFollowPause
			text := ""
			if missing != nil {
				text = missing.Detail + " yet; waiting for it"
			}
			tell(text)
		}
	}
	return nil
}

// more waits for events behind a sequence, and prints them.
func (h *history) more(ctx context.Context, after int64) (int64, *answer, error) {
	path := h.path + "?after=" + strconv.FormatInt(after, 10)
	page, missing, err := h.page(ctx, path, followWait)
	if err != nil || missing != nil {
		return after, missing, err
	}
	return h.printUpTo(page.Items, after)
}

// latest prints the last events, as many as the limit says. Of an aggregate that isn't there yet,
// all are to come.
func (h *history) latest(ctx context.Context, _ int64) (int64, *answer, error) {
	var items []json.RawMessage
	path := h.path + "?order=newest"
	for path != "" && len(items) < h.limit {
		page, missing, err := h.page(ctx, path, 0)
		if err != nil || missing != nil {
			return 0, missing, err
		}
		items, path = append(items, page.Items...), page.Next
	}
	items = items[:min(len(items), h.limit)]
	slices.Reverse(items)
	return h.printUpTo(items, 0)
}

// printUpTo prints events and returns the sequence of the last one.
func (h *history) printUpTo(items []json.RawMessage, after int64) (int64, *answer, error) {
	if err := h.print(items); err != nil || len(items) == 0 {
		return after, nil, err
	}
	var last historyEvent
	if err := json.Unmarshal(items[len(items)-1], &last); err != nil {
		return after, nil, fmt.Errorf("read the answer: %w", err)
	}
	return last.Sequence, nil, nil
}

// A line of the history. Its columns have the width of what is usual; what is longer pushes the rest.
const historyColumns = "%6s  %-23s  %-20s  %s\n"

func (h *history) print(items []json.RawMessage) error {
	for _, item := range items {
		if h.json {
			if _, err := fmt.Fprintf(h.out, "%s\n", item); err != nil {
				return err
			}
			continue
		}
		if !h.headed {
			h.headed = true
			fmt.Fprintf(h.out, historyColumns, "SEQ", "TIME", "TYPE", "DATA")
		}
		var e historyEvent
		if err := json.Unmarshal(item, &e); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		data := fieldsOf(e.Data)
		if e.Unreadable != nil {
			data = "unreadable: " + e.Unreadable.Code + ": " + legible(e.Unreadable.Detail)
		}
		line := fmt.Sprintf(historyColumns, strconv.FormatInt(e.Sequence, 10),
			e.Time.UTC().Format("2006-01-02T15:04:05.000"), legible(e.Type), data)
		if _, err := io.WriteString(h.out, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// fieldsOf returns the fields of a JSON object for a terminal, in their order: "amount=500
// currency=EUR". Numbers are as they are in the JSON; what isn't a word is in quotes.
func fieldsOf(data json.RawMessage) string {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return legible(string(data))
	}
	var fields []string
	for decoder.More() {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return legible(string(data))
		}
		var text string
		if json.Unmarshal(value, &text) != nil || text == "" || strings.ContainsAny(text, " \"=") {
			text = string(value)
		}
		fields = append(fields, fmt.Sprintf("%v=%s", name, legible(text)))
	}
	return strings.Join(fields, "  ")
}
