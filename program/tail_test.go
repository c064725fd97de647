package program

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/program/command"
)

// tail goes on where it was when the connection is lost, and ends when the worker refuses.
func TestTailComesAgain(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID"))
		if len(asked) > 2 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"detail": "foreign", "code": "invalid-request"}`)
			return
		}
		_, _ = io.WriteString(w, "retry: 1\nid: start\n\n")
		if len(asked) == 2 {
			_, _ = io.WriteString(w, `event: missed
id: one
data: {"kind": "missed", "records": 7, "reason": "backlog", "partitions": []}

event: event
id: two
data: {"kind": "event", "aggregate": "account", "subject": "alice", "id": "alice/1",
data:  "type": "AccountOpened", "data": {"owner": "\u001b[31m"}}

`)
		}
	}))
	defer server.Close()
	var out output
	code := execute(t.Context(), &out, nil, "tail", "--server", server.URL, "--kind", "event",
		"--correlation-id", "a,b")
	if code != command.ExitFailed {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	query := "correlationId=a&correlationId=b&kind=event "
	if diff := cmp.Diff([]string{query, query + "start", query + "two"}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		"missed: up to 7 records, too far behind what happens now\n",
		`event    account alice  AccountOpened alice/1  {"owner": "\u001b[31m"}` + "\n",
		"is lost (the worker has ended it); trying again in 1ms", "foreign (HTTP 400, invalid-request)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

// What happens is seen as it happens, with what belongs together.
func TestTail(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out output
	code := make(chan int, 1)
	go func() { code <- execute(ctx, &out, nil, "tail", "--server", d.server) }()
	eventually(t, func() bool {
		text := out.String()
		return strings.Contains(text, "  command  account ") &&
			strings.Contains(text, "  event    account ") && strings.Contains(text, " accepted: event ")
	}, &out)
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d\n%s", got, out.String())
	}
	d.stop()
	if got := <-d.code; got != 0 {
		t.Errorf("dev: exit code %d\n%s", got, d.out.String())
	}
}
