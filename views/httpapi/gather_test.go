package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/views"
	"refold/views/httpapi"
)

// pages reads a list page by page, and calls between before each further page.
func (p *pod) pages(tb testing.TB, limit int, between func()) (ids []string, failed *answer) {
	tb.Helper()
	for next := fmt.Sprintf("/accounts?limit=%d", limit); next != ""; between() {
		got := p.request(tb, "GET", next, "")
		if got.Status != http.StatusOK {
			return ids, got
		}
		items, _ := got.JSON["items"].([]any)
		for _, item := range items {
			row, _ := item.(map[string]any)
			ids = append(ids, row["id"].(string))
		}
		next, _ = got.JSON["next"].(string)
		if link := got.Header.Get("Link"); next != "" && link != "<"+next+`>; rel="next"` {
			tb.Fatalf("the page says %q, its header %q", next, got.Header.Get("Link"))
		}
	}
	return ids, nil
}

// However many pods there are, and wherever partitions move between two pages: each row is listed once, in
// order, and by each pod.
func TestListIsWholeWhileOwnersChange(t *testing.T) {
	towns := map[int]*town{1: newTown(t, 1), 2: newTown(t, 2), 4: newTown(t, 4)}
	rapid.Check(t, func(rt *rapid.T) {
		town := towns[rapid.SampledFrom([]int{1, 2, 4}).Draw(rt, "pods")].spread()
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}(/[a-z])?`), 0, 40,
			func(id string) string { return id }).Draw(rt, "ids")
		town.mu.Lock()
		clear(town.rows)
		town.mu.Unlock()
		town.put(ids...)
		slices.Sort(ids)
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		got, failed := rapid.SampledFrom(town.pods).Draw(rt, "asked").pages(t, limit, func() {
			if rapid.Bool().Draw(rt, "move") {
				town.own(rapid.Int32Range(0, partitions-1).Draw(rt, "partition"),
					rapid.IntRange(0, len(town.pods)-1).Draw(rt, "to"))
			}
		})
		if failed != nil || !slices.Equal(got, ids) {
			rt.Fatalf("listed are %q, want %q; %v", got, ids, failed)
		}
	})
}

// A page of a pod that has all rows, and one that is put together, are the same, byte for byte.
func TestGatheredPageIsTheSame(t *testing.T) {
	one, three := newTown(t, 1).spread(), newTown(t, 3).spread()
	for i := range 200 {
		for _, town := range []*town{one, three} {
			town.put(fmt.Sprintf("id-%d", i*i), fmt.Sprintf("ä/<%d>", i), fmt.Sprintf("\xff%d", i))
		}
	}
	for next := "/accounts?limit=37"; next != ""; {
		want, got := one.pods[0].request(t, "GET", next, ""), three.pods[0].request(t, "GET", next, "")
		if got.Status != want.Status || got.Text != want.Text {
			t.Fatalf("%s: gathered %d %s\nwant %d %s", next, got.Status, got.Text, want.Status, want.Text)
		}
		next, _ = want.JSON["next"].(string)
	}
}

func TestListIsRatherRefusedThanPartial(t *testing.T) {
	for _, test := range []struct {
		name   string
		given  func(t *testing.T, town *town, asked *pod)
		status int
	}{
		{"all pods answer", func(*testing.T, *town, *pod) {}, 200},
		{"a partition has no owner", func(_ *testing.T, _ *town, asked *pod) { asked.takeFor(1) }, 503},
		{"an address leads nowhere", func(t *testing.T, _ *town, asked *pod) {
			t.Helper()
			asked.takeFor(1, nowhere(t))
		}, 503},
		{"an address leads nowhere, the next one to the owner", func(t *testing.T, town *town, asked *pod) {
			t.Helper()
			asked.takeFor(1, nowhere(t), town.pods[1])
		}, 200},
		{"two pods are gone at once", func(t *testing.T, town *town, asked *pod) {
			t.Helper()
			asked.takeFor(1, nowhere(t), town.pods[1])
			asked.takeFor(2, town.pods[1], town.pods[2])
		}, 200},
		{"a pod has lost a partition, and nobody has it", func(_ *testing.T, town *town, _ *pod) {
			town.pods[1].have(1, false)
		}, 503},
		{"this pod has lost one, and nobody has it", func(_ *testing.T, _ *town, asked *pod) {
			asked.rows.ListFn = func(string, int) (views.Page, error) {
				asked.have(0, false)
				asked.takeFor(0)
				return views.Page{}, nil
			}
		}, 503},
		{"this pod has lost one to another", func(_ *testing.T, town *town, asked *pod) {
			read := asked.rows.ListFn
			asked.rows.ListFn = func(after string, limit int) (views.Page, error) {
				town.own(0, 2)
				return read(after, limit)
			}
		}, 200},
		{"this pod has lost one for a moment, and has read without", func(_ *testing.T, _ *town, asked *pod) {
			read, lost := asked.rows.ListFn, false
			asked.rows.ListFn = func(after string, limit int) (views.Page, error) {
				if lost {
					return read(after, limit)
				}
				lost = true
				asked.have(0, false)
				page, err := read(after, limit)
				asked.have(0, true)
				return page, err
			}
		}, 200},
		{"a pod dies while it answers, each time", func(_ *testing.T, town *town, _ *pod) {
			town.pods[1].instead(dies)
		}, 503},
		{"a pod can't read its rows", func(_ *testing.T, town *town, _ *pod) {
			town.pods[1].rows.ListFn = func(string, int) (views.Page, error) {
				return views.Page{}, views.ErrNotReady
			}
		}, 503},
		{"two pods have the same partition", func(_ *testing.T, town *town, _ *pod) {
			town.pods[2].have(1, true)
		}, 200},
		{"a pod answers something else", func(_ *testing.T, town *town, _ *pod) {
			town.pods[1].instead(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Refold-Answered", "pod-1")
				_, _ = w.Write([]byte("{"))
			})
		}, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			town := newTown(t, 3).spread()
			var want []string
			for partition := range int32(partitions) {
				want = append(want, in(partition))
			}
			town.put(want...)
			slices.Sort(want)
			test.given(t, town, town.pods[0])
			got, failed := town.pods[0].pages(t, 100, func() {})
			switch {
			case failed != nil && failed.Status == test.status:
				if test.status == 503 {
					failed.want(t, 503, "Retry-After: 1")
				}
			case failed != nil || test.status != 200:
				t.Errorf("the answer is %v, %v, want %d", got, failed, test.status)
			case !slices.Equal(got, want):
				t.Errorf("listed are %v, want %v", got, want)
			}
		})
	}
}

func TestOwnerIsLateForAList(t *testing.T) {
	town := newTown(t, 2, func(_ *pod, o *httpapi.Options) {
		o.Limits.ForwardTimeout = 30 * time.Millisecond
	}).spread()
	blocked := make(chan struct{})
	defer close(blocked)
	town.pods[1].rows.ListFn = func(string, int) (views.Page, error) { <-blocked; return views.Page{}, nil }
	got := town.pods[0].request(t, "GET", "/accounts", "")
	got.want(t, http.StatusGatewayTimeout, "Retry-After: 1")
}

// knows has a pod know commands of the subjects that it has.
func (p *pod) knows(subjects ...string) {
	p.commands.CommandsOfFn = func(id string) (found views.Namesakes, err error) {
		for _, subject := range subjects {
			if p.Here("account", where(subject)) != 0 {
				found.Commands = append(found.Commands, views.Command{
					CommandKey: views.CommandKey{Aggregate: "account", Subject: subject, ID: id},
					Type:       "DepositMoney", Time: at, Status: views.Accepted,
				})
			}
		}
		if len(found.Commands) == 0 {
			return found, views.ErrNotFound
		}
		return found, nil
	}
	p.commands.WaitCommandsOfFn = func(ctx context.Context, id string) (views.Namesakes, error) {
		found, err := p.commands.CommandsOfFn(id)
		if errors.Is(err, views.ErrNotFound) {
			<-ctx.Done()
			return found, views.ErrNotYet
		}
		return found, err
	}
}

func TestCommandIsFoundWhereverItIs(t *testing.T) {
	first, second := in(1), in(2)
	town := newTown(t, 3).spread()
	for _, p := range town.pods {
		p.knows(first)
	}
	town.put(first, second)
	town.pods[2].have(1, true) // two pods have it; it is one command
	for _, p := range town.pods {
		got := p.request(t, "GET", "/commands/known", "")
		got.want(t, http.StatusOK)
		got.wantJSON(t, map[string]any{"id": "known", "subject": first, "status": "accepted"})
	}
	for _, p := range town.pods {
		p.knows(first, second)
	}
	want := []string{first, second}
	slices.Sort(want)
	got := town.pods[0].request(t, "GET", "/commands/known", "")
	got.want(t, http.StatusMultipleChoices)
	got.wantJSON(t, map[string]any{
		"commands.0.subject": want[0], "commands.1.subject": want[1], "commands.2": nil,
	})
	town.pods[0].takeFor(5)
	got = town.pods[0].request(t, "GET", "/commands/known", "")
	got.want(t, http.StatusServiceUnavailable, "Retry-After: 1")
}

// A client may wait for a command that no pod knows yet, and for its result, at any pod.
func TestWaitForACommandElsewhere(t *testing.T) {
	subject := in(1)
	town := newTown(t, 3).spread()
	town.put(subject)
	var known, decided atomic.Bool
	for _, p := range town.pods {
		p.knows(subject)
		find := p.commands.CommandsOfFn
		p.commands.CommandsOfFn = func(id string) (views.Namesakes, error) {
			if !known.Load() {
				return views.Namesakes{}, views.ErrNotFound
			}
			return find(id)
		}
		p.commands.WaitCommandsOfFn = func(ctx context.Context, id string) (views.Namesakes, error) {
			if p != town.pods[1] {
				<-ctx.Done() // is told when another pod has it
				return views.Namesakes{}, views.ErrNotYet
			}
			known.Store(true)
			return find(id)
		}
		command := func(key views.CommandKey) (views.Command, error) {
			status := views.Pending
			if decided.Load() {
				status = views.Rejected
			}
			return views.Command{CommandKey: key, Status: status}, nil
		}
		p.commands.CommandFn = command
		p.commands.WaitCommandFn = func(ctx context.Context, key views.CommandKey, _ views.Status) (
			views.Command, error,
		) {
			if key.ID == "slow" {
				<-ctx.Done()
				c, _ := command(key)
				return c, views.ErrNotYet
			}
			decided.Store(true)
			return command(key)
		}
	}
	got := town.pods[0].request(t, "GET", "/commands/c-1", "", "Prefer: wait=5")
	got.want(t, http.StatusOK, "Preference-Applied: wait=5")
	got.wantJSON(t, map[string]any{"status": "rejected", "subject": subject})

	decided.Store(false)
	got = town.pods[2].request(t, "GET", "/commands/slow", "", "Prefer: wait=1")
	got.want(t, http.StatusOK, "Preference-Applied: wait=1", "Retry-After: 1")
	got.wantJSON(t, map[string]any{"status": "pending"})
	for _, p := range town.pods {
		p.commands.CommandsOfFn, p.commands.WaitCommandsOfFn = nil, nil
	}
	town.pods[0].request(t, "GET", "/commands/nobody", "").want(t, http.StatusNotFound)
}

// A trace goes through many partitions; the pods' parts make the tree that one pod with everything would
// make.
func TestTraceIsPutTogether(t *testing.T) {
	message := func(kind views.Kind, id, cause string, after time.Duration, partition int32) views.Message {
		return views.Message{
			Kind: kind, ID: id, CausationID: cause, CorrelationID: "c-1", Aggregate: "account", Subject: "s",
			Time: at.Add(after), Place: views.Place{Topic: kind.String(), Partition: partition, Offset: 7},
		}
	}
	all := []views.Message{
		message(views.KindCommand, "c-1", "", 0, 1),
		message(views.KindEvent, "s/1", "c-1", 1, 1),
		message(views.KindCommand, "s/1/pay", "s/1", 2, 2),
		message(views.KindResult, "s/1/pay/result", "s/1/pay", 3, 2),
		message(views.KindDeadLetter, "\xff", "", 4, 0),
	}
	part := func(keep func(m views.Message) bool) (views.Trace, error) {
		var own []views.Message
		for _, m := range all {
			if keep(m) {
				own = append(own, m)
			}
		}
		return views.JoinTrace("c-1", 100, views.TracePart{Messages: own}) //nolint:wrapcheck // a reader's
	}
	with := func(p *pod, o *httpapi.Options) {
		o.Traces = fakeTraces(func(id string) (views.Trace, error) {
			if id != "c-1" {
				return views.Trace{}, views.ErrNotFound
			}
			return part(func(m views.Message) bool {
				return m.Kind == views.KindDeadLetter || p.Here("account", m.Place.Partition) != 0
			})
		})
	}
	want := newTown(t, 1, with).spread().pods[0].request(t, "GET", "/traces/c-1", "")
	want.want(t, http.StatusOK)
	want.wantJSON(t, map[string]any{"commands": 2, "events": 1, "results": 1, "deadLetters": 1})
	town := newTown(t, 3, with).spread()
	for _, p := range town.pods {
		if got := p.request(t, "GET", "/traces/c-1", ""); got.Text != want.Text || got.Status != want.Status {
			t.Errorf("%s: %d %s\nwant %s", p.name, got.Status, got.Text, want.Text)
		}
	}
	town.pods[0].request(t, "GET", "/traces/other", "").want(t, http.StatusNotFound)
	town.pods[0].takeFor(4)
	town.pods[0].request(t, "GET", "/traces/c-1", "").want(t, http.StatusServiceUnavailable, "Retry-After: 1")
}

// What pods ask each other is no business of clients, and is refused for partitions that are not here.
func TestPartsAreForPods(t *testing.T) {
	town := newTown(t, 2).spread()
	const path = "/internal/parts/rows"
	for _, test := range []struct {
		body   string
		header string
		status int
	}{
		{`{"aggregate": "account", "partitions": [0], "limit": 1}`, "X: y", 403},
		{`{"aggregate": "account", "partitions": [0], "limit": 1}`, "Refold-Forwarded: pod-1", 200},
		{`{"aggregate": "account", "partitions": [0, 1, 3], "limit": 1}`, "Refold-Forwarded: pod-1", 421},
		{`{"aggregate": "nothing", "partitions": [0], "limit": 1}`, "Refold-Forwarded: pod-1", 404},
		{`{"aggregate": "account", "partitions": [0], "limit": 0}`, "Refold-Forwarded: pod-1", 404},
		{`{"aggregate": `, "Refold-Forwarded: pod-1", 400},
		{strings.Repeat(" ", 99_999) + `{"aggregate": "account", "limit": 1}`, "Refold-Forwarded: a", 200},
	} {
		got := town.pods[0].request(t, "POST", path, test.body, test.header)
		got.want(t, test.status)
		if test.status == 421 && got.Header.Get("Refold-Not-Here") != "account/1, account/3" {
			t.Errorf("not here are %q", got.Header.Get("Refold-Not-Here"))
		}
	}
}
