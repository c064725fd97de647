package readers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pod is a server that answers by a script: path → answer.
type pod struct {
	mu      sync.Mutex
	answers map[string]reply
	url     string
}

type reply struct {
	status int
	header map[string]string
	body   string
}

func newPod(t *testing.T) *pod {
	t.Helper()
	p := &pod{answers: map[string]reply{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		answer, is := p.answers[r.URL.RequestURI()]
		p.mu.Unlock()
		if !is {
			answer = problem(http.StatusNotFound, "not-found", "")
		}
		for name, value := range answer.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(answer.status)
		fmt.Fprint(w, answer.body)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *pod) says(path string, answer reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[path] = answer
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func problem(status int, code, retry string) reply {
	header := map[string]string{"Content-Type": "application/problem+json"}
	if retry != "" {
		header["Retry-After"] = retry
	}
	return reply{status, header, fmt.Sprintf(`{"status": %d, "code": %q}`, status, code)}
}

func row5(sequence int64) string { return fmt.Sprintf(`{"id": "a/5", "sequence": %d}`, sequence) }

// The answers to a client that has seen the account a/5 at sequence 7, its history end at 6, and the command
// c/1 to it be accepted.
func TestJudge(t *testing.T) {
	const (
		account = "/accounts/a%2F5"
		history = account + "/events?order=newest&limit=20"
		atLeast = account + "?atLeast=7"
		outcome = account + "/commands/c%2F1"
		list    = "/accounts?limit=50"
		byID    = "/commands/c%2F1"
		other   = "/accounts/b/commands/c%2F1"
	)
	decided := func(status string, last int64) string {
		return fmt.Sprintf(`{"id": "c/1", "status": %q, "firstSequence": %d, "lastSequence": %d,
			"links": {"self": %q}}`, status, last, last, outcome)
	}
	choices := func(paths ...string) reply {
		var all []string
		for _, path := range paths {
			all = append(all, fmt.Sprintf(`{"id": "c/1", "status": "accepted", "firstSequence": 7,
				"lastSequence": 7, "links": {"self": %q}}`, path))
		}
		body := `{"commands": [` + strings.Join(all, ",") + `]}`
		return reply{status: http.StatusMultipleChoices, body: body}
	}
	const unavailable, late = http.StatusServiceUnavailable, http.StatusGatewayTimeout
	for name, test := range map[string]struct {
		read   read
		path   string
		answer reply
		want   Tally
	}{
		"a row as it was": {(*reader).readRow, account, ok(row5(7)), Tally{Answered: 1}},
		"a newer row":     {(*reader).readRow, account, ok(row5(8)), Tally{Answered: 1}},
		"an older row":    {(*reader).readRow, account, ok(row5(6)), Tally{Back: 1}},
		"no row":          {(*reader).readRow, account, problem(404, "not-found", ""), Tally{Back: 1}},
		"another row": {
			(*reader).readRow, account, ok(`{"id": "a", "sequence": 9}`), Tally{Undocumented: 1},
		},
		"a row at least as new": {(*reader).readAtLeast, atLeast, ok(row5(7)), Tally{Answered: 1}},
		"a row below atLeast":   {(*reader).readAtLeast, atLeast, ok(row5(6)), Tally{Back: 1}},
		"the next one": {
			(*reader).waitAhead, account + "?atLeast=8", ok(row5(8)), Tally{Answered: 1},
		},
		"the next one, and it is the last": {
			(*reader).waitAhead, account + "?atLeast=8", ok(row5(7)), Tally{Back: 1},
		},
		"the next one, not in time": {
			(*reader).waitAhead, account + "?atLeast=8", problem(unavailable, "not-yet", "1"),
			Tally{Refused: 1},
		},
		"not yet": {
			(*reader).readAtLeast, atLeast, problem(unavailable, "not-yet", "1"), Tally{Refused: 1},
		},
		"not yet, and nothing about trying again": {
			(*reader).readAtLeast, atLeast, problem(unavailable, "not-yet", ""), Tally{Undocumented: 1},
		},
		"too late": {(*reader).readRow, account, problem(late, "timeout", "1"), Tally{Refused: 1}},
		"another pod's refusal": {
			(*reader).readRow, account, problem(421, "not-here", "1"), Tally{Undocumented: 1},
		},
		"broken in there": {
			(*reader).readRow, account, problem(500, "internal", ""), Tally{Undocumented: 1},
		},
		"no problem at all": {
			(*reader).readRow, account,
			reply{status: unavailable, header: map[string]string{"Retry-After": "1"}},
			Tally{Undocumented: 1},
		},
		"a history as it was": {
			(*reader).readHistory, history,
			ok(`{"sequence": 6, "items": [{"sequence": 6}, {"sequence": 5}]}`),
			Tally{Answered: 1},
		},
		"an older history": {
			(*reader).readHistory, history, ok(`{"sequence": 5, "items": [{"sequence": 5}]}`), Tally{Back: 1},
		},
		"a history with a hole": {
			(*reader).readHistory, history,
			ok(`{"sequence": 8, "items": [{"sequence": 8}, {"sequence": 6}]}`),
			Tally{Back: 1},
		},
		"no history": {(*reader).readHistory, history, problem(404, "not-found", ""), Tally{Back: 1}},
		"a list": {
			(*reader).readList, list, ok(`{"items": [` + row5(7) + `]}`), Tally{Answered: 1},
		},
		"a list with an older row": {
			(*reader).readList, list, ok(`{"items": [` + row5(6) + `]}`), Tally{Back: 1},
		},
		"a list without the row": {
			(*reader).readList, list, ok(`{"items": [{"id": "z", "sequence": 1}], "next": "/x"}`),
			Tally{Back: 1},
		},
		"a page that ends before the row": {
			(*reader).readList, list, ok(`{"items": [{"id": "a", "sequence": 1}], "next": "/x"}`),
			Tally{Answered: 1},
		},
		"a list that ends before the row": {
			(*reader).readList, list, ok(`{"items": [{"id": "a", "sequence": 1}]}`), Tally{Back: 1},
		},
		"a list out of order": {
			(*reader).readList, list, ok(`{"items": [{"id": "b", "sequence": 1}, ` + row5(7) + `]}`),
			Tally{Undocumented: 1},
		},
		"an outcome": {(*reader).readOutcome, outcome, ok(decided("accepted", 7)), Tally{Answered: 1}},
		"an outcome that is none any more": {
			(*reader).readOutcome, outcome, ok(decided("pending", 0)), Tally{Back: 1},
		},
		"another outcome": {(*reader).readOutcome, outcome, ok(decided("rejected", 0)), Tally{Back: 1}},
		"an outcome of nothing": {
			(*reader).readOutcome, outcome, problem(404, "not-found", ""), Tally{Back: 1},
		},
		"an outcome, by ID": {
			(*reader).findOutcome, byID, ok(decided("accepted", 7)), Tally{Answered: 1},
		},
		"another's outcome only": {(*reader).findOutcome, byID, choices(other), Tally{Back: 1}},
		"a choice of outcomes":   {(*reader).findOutcome, byID, choices(other, outcome), Tally{Answered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p, r, findings := newPod(t), newReader(), &bytes.Buffer{}
			r.record.file = findings
			a := aggregate{"accounts", "a/5"}
			r.saw(a, 7)
			r.sawHistory(a, 6)
			r.heard(command{a, "c/1"})
			r.sawOutcome(command{a, "c/1"}, "accepted 7-7  ")
			p.says(test.path, test.answer)
			test.read(r, t.Context(), p.url, rand.New(new(first)))
			test.want.Reads = 1
			if r.record.tally != test.want {
				t.Errorf("counted %v, want %v; %s", r.record.tally, test.want, findings)
			}
			wrong := test.want.Back + test.want.Undocumented
			if strings.Count(findings.String(), "\n") != wrong {
				t.Errorf("recorded: %s", findings)
			}
		})
	}
}

// first is dice that choose the first of all.
type first struct{}

func (*first) Uint64() uint64 { return 0 }

func newReader() *reader {
	return &reader{
		known: newKnown(), http: newHTTP(true), kinds: []string{"accounts"},
		record: newRecord(new(bytes.Buffer), func(Finding) {}),
	}
}

// A pod that breaks connections off is not counted as one that answers wrongly.
func TestUnanswered(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	r := newReader()
	r.saw(aggregate{"accounts", "a"}, 1)
	r.readRow(t.Context(), server.URL, rand.New(new(first)))
	if want := (Tally{Reads: 1, Unanswered: 1}); r.record.tally != want {
		t.Errorf("counted %v, want %v", r.record.tally, want)
	}
}

// A group reads what there is, and finds the pod that goes back.
func TestGroup(t *testing.T) {
	honest, liar := newPod(t), newPod(t)
	for p, sequence := range map[*pod]int64{honest: 2, liar: 2} {
		p.says("/accounts?limit=50", ok(`{"items": [`+row5(sequence)+`]}`))
		p.says("/accounts?after=a%2F5&limit=50", ok(`{"items": []}`))
		p.says("/accounts?limit=500", ok(`{"items": [`+row5(sequence)+`]}`))
		p.says("/accounts/a%2F5", ok(row5(sequence)))
		p.says("/accounts/a%2F5?atLeast=2", ok(row5(sequence)))
		p.says("/accounts/a%2F5?atLeast=3", problem(http.StatusServiceUnavailable, "not-yet", "1"))
		p.says("/accounts/a%2F5/events?order=newest&limit=20", ok(`{"sequence": 2, "items": []}`))
		p.says("/accounts/a%2F5/events", ok(`{}`))
		p.says("/accounts", ok(`{}`))
	}
	found := make(chan Finding, 2*mostReported)
	g := Start(Options{
		Pods: []string{honest.url, liar.url}, Kinds: []string{"accounts"}, Clients: 2,
		Pause: time.Millisecond, Record: new(bytes.Buffer), Report: func(f Finding) { found <- f },
	})
	defer g.Stop()
	for soon := time.Tick(time.Millisecond); g.Refusals()["not-yet"] == 0; {
		<-soon
	}
	g.LookAround(liar.url)
	for soon := time.Tick(time.Millisecond); g.Tally().Answered < 100; {
		<-soon
	}
	if err := g.WaitAnswered(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Compare(t.Context()); err != nil || n != 1 {
		t.Fatalf("compared %d aggregates, %v", n, err)
	}
	if tally := g.Tally(); !tally.Whole() || tally.Undocumented > 0 {
		t.Fatalf("found before anything was wrong: %v", tally)
	}
	liar.says("/accounts/a%2F5", ok(row5(1)))
	g.Aim(liar.url, 8)
	if f := <-found; f.Fault != Back || f.Pod != liar.url || f.Path != "/accounts/a%2F5" {
		t.Errorf("found %+v", f)
	}
	g.Stop()
	if _, err := g.Compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tally := g.Tally(); tally.Back == 0 || tally.Differing != 1 {
		t.Errorf("counted %v", tally)
	}
}

// Findings beyond a number are counted, and neither recorded nor reported.
func TestFindingsAreLimited(t *testing.T) {
	file, reported := &bytes.Buffer{}, 0
	r := newRecord(file, func(Finding) { reported++ })
	for range 2 * mostRecorded {
		r.find(Finding{Fault: Back, Body: strings.Repeat("x", 2*bodyRecorded)})
	}
	lines := bytes.Split(bytes.TrimSpace(file.Bytes()), []byte("\n"))
	var last Finding
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || len(last.Body) != bodyRecorded {
		t.Errorf("recorded %s, %v", lines[len(lines)-1], err)
	}
	if len(lines) != mostRecorded || reported != mostReported || r.tally.Back != 2*mostRecorded {
		t.Errorf("recorded %d, reported %d, counted %v", len(lines), reported, r.tally)
	}
}
