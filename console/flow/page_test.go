package flow_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"refold/console/consoletest"
	"refold/console/flow"
)

// source has the samples that a test gives it.
type source struct{ sample *flow.Sample }

func (s *source) Measure(context.Context) (*flow.Sample, error) { return s.sample, nil }

// bank is a program of so many aggregates, with a reader of each kind.
func bank(aggregates int) flow.Program {
	p := flow.Program{DeadLetters: "dead-letters"}
	name := func(i int) string {
		return []string{"account", "order", "shipment", "parcel"}[i%4] + strings.Repeat("x", i/4)
	}
	for i := range aggregates {
		n := name(i)
		p.Aggregates = append(p.Aggregates, flow.Aggregate{
			Name: n, Plural: n + "s", Commands: n + "-commands", Events: n + "-events", Table: n + "s-table",
			Results: n + "-results", Sendable: true,
		})
		p.Projections = append(p.Projections, flow.Projection{
			Name: n + "s_current", Of: []string{n}, Store: "Postgres",
		})
		if i%3 == 1 {
			p.Processes = append(p.Processes, flow.Process{
				Name: "of-" + n, Of: n, Commands: []string{name(i - 1)}, Results: []string{name(i - 1)},
			})
		}
	}
	p.Reactions = append(p.Reactions, flow.Reaction{Name: "receipts", Of: name(0)})
	return p
}

// measured is a sample of a program that works.
func measured(p flow.Program) *flow.Sample {
	s := &flow.Sample{
		Time: time.Now(), Ends: map[string]int64{p.DeadLetters: 3}, Readers: map[string]flow.Reader{},
		Letters: flow.Letters{Known: true, Count: 3},
	}
	reader := flow.Reader{
		Known: true, Next: 990, Waiting: 12, Oldest: s.Time.Add(-2 * time.Second), Counted: true,
		Workers: 3, Partitions: 12, Owned: 12, Followed: 12, Filling: -1,
		Owners: []flow.Owner{{Name: "worker-1", Partitions: 12}},
	}
	for i, a := range p.Aggregates {
		s.Ends[a.Commands], s.Ends[a.Events], s.Ends[a.Results], s.Ends[a.Table] = 1000, 2000, 1000, 900
		one := reader
		if i == 1 {
			one.Oldest = s.Time.Add(-5 * time.Minute)
		}
		s.Readers[flow.AggregateID(a.Name)] = one
	}
	for _, m := range p.Projections {
		s.Readers[flow.ProjectionID(m.Name)] = reader
	}
	for _, c := range p.Processes {
		s.Readers[flow.ProcessID(c.Name)] = reader
	}
	return s
}

func serve(t *testing.T, p flow.Program, s *flow.Sample) *consoletest.Console {
	t.Helper()
	return consoletest.Serve(t, flow.Part(p, &source{s}))
}

func TestThePageShowsTheProgram(t *testing.T) {
	p := bank(4)
	c := serve(t, p, measured(p))
	page := c.Get(t, "/console/").Want(http.StatusOK, "3 records were set aside within the last hour",
		"The aggregate order is behind", "account-commands", "✓ keeps up", "worker-1 (12)",
		"3 workers, standbys")
	if got := page.Link("3 records were set aside within the last hour"); got != "/console/dead-letters" {
		t.Errorf("the dead letters are at %s", got)
	}
	around := c.Get(t, page.Link("account")).Want(http.StatusOK, "Aggregate account", "List of accounts")
	around.Without("shipment", "Nothing has happened yet")
	c.Get(t, "/console/?focus=nothing").Want(http.StatusNotFound)
}

func TestAnEmptyProgramSaysWhatToDo(t *testing.T) {
	p := bank(1)
	s := &flow.Sample{Time: time.Now(), Ends: map[string]int64{"account-commands": 0, "account-events": 0}}
	page := serve(t, p, s).Get(t, "/console/").Want(http.StatusOK, "Nothing has happened yet")
	if got := page.Link("Send a first command"); got != "/console/accounts/account-1/send" {
		t.Errorf("the form is at %s", got)
	}
}

// Twelve aggregates are one page of an acceptable weight. With FLOW_PICTURE, it is written to that file, to
// be looked at beside the console's style.
func TestAPageOfTwelveAggregates(t *testing.T) {
	p := bank(12)
	page := serve(t, p, measured(p)).Get(t, "/console/").Want(http.StatusOK, "of-order")
	const most = 110 << 10
	if len(page.Body) > most {
		t.Errorf("the page has %d bytes, at most %d are wanted", len(page.Body), most)
	}
	if path := os.Getenv("FLOW_PICTURE"); path != "" {
		if err := os.WriteFile(path, []byte(page.Body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatOthersWriteIsText(t *testing.T) {
	p := bank(1)
	s := measured(p)
	wrong := []flow.Check{{Name: "views", Detail: consoletest.Markup}}
	s.Pods = []flow.Pod{{Name: consoletest.Markup, Wrong: wrong}}
	serve(t, p, s).Get(t, "/console/").Want(http.StatusOK).Escaped()
}

// The stream sends figures for the places that the page has, and nothing of what is not in it.
func TestTheStreamSendsFigures(t *testing.T) {
	p := bank(2)
	c := serve(t, p, measured(p))
	focus := "?focus=" + flow.AggregateID("account")
	page := c.Get(t, "/console/"+focus)
	server := httptest.NewServer(c)
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	live := server.URL + "/console/flow/live" + focus
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, live, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	targets := 0
	scanner := bufio.NewScanner(response.Body)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" && targets > 0 {
			break // the first message is complete
		}
		for rest := line; ; targets++ {
			_, after, is := strings.Cut(rest, `hx-target="#`)
			if !is {
				break
			}
			id, _, _ := strings.Cut(after, `"`)
			page.One("", "id", id)
			rest = after
		}
	}
	if targets < 20 {
		t.Errorf("the first message has %d targets only", targets)
	}
}
