package httpapi_test

import (
	"context"
	"net/http"
	"testing"

	"refold/views"
)

// If-Match: a sequence is the aggregate's to compare, a state is compared with the copy here; and what
// can't be met is not sent.
func TestSend_ifMatch(t *testing.T) {
	b := newBench(t, nil)
	b.rows.GetFn = func(string) (views.Row, error) { return alice(7), nil }
	tag := b.ask(t, "GET", "/accounts/alice", "").tag(t, 7)
	b.rows.GetFn = func(string) (views.Row, error) { return alice(8), nil }
	next := b.ask(t, "GET", "/accounts/alice", "").tag(t, 8)
	mended := `"7-AAAAAAAAAAAAAAAA"`
	none, anyAt := int64(-1), int64(-2) // nothing is sent; no sequence is expected
	for name, test := range map[string]struct {
		ifMatch string
		at      int64 // what the copy has; 0: no such aggregate
		status  int
		expects int64
		code    any
	}{
		"a sequence":                  {`"3"`, 7, 202, 3, nil},
		"a new aggregate":             {`"0"`, 0, 202, 0, nil},
		"the state that is there":     {tag, 7, 202, 7, nil},
		"another one at its sequence": {mended, 7, 412, none, "precondition-failed"},
		"one that is not here yet":    {next, 7, 503, none, "not-yet"},
		"one that is no more":         {tag, 8, 202, 7, nil}, // the aggregate says so, or knows the command
		"a weak one":                  {"W/" + tag, 7, 412, none, "precondition-failed"},
		"a foreign one":               {`"abc"`, 7, 412, none, "precondition-failed"},
		"of several the right one":    {`"abc", "6", ` + tag, 7, 202, 7, nil},
		"of several a sequence":       {`"6", "7"`, 7, 202, 7, nil},
		"new, or as it is":            {`"0", ` + tag, 0, 202, 0, nil},
		"new, or long gone":           {`"0", "3"`, 7, 202, 3, nil},
		"of several none":             {`"6", ` + mended, 7, 412, none, "precondition-failed"},
		"any":                         {"*", 7, 202, anyAt, nil},
		"any, and none is there":      {"*", 0, 412, none, "precondition-failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.rows.GetFn = func(string) (views.Row, error) {
				if test.at == 0 {
					return views.Row{}, views.ErrNotFound
				}
				return alice(test.at), nil
			}
			b.rows.WaitForFn = func(_ context.Context, _ string, atLeast int64) (views.Row, error) {
				switch {
				case test.at == 0:
					return views.Row{}, views.ErrNotYet
				case test.at < atLeast:
					return alice(test.at), views.ErrNotYet
				}
				return alice(test.at), nil
			}
			a := b.ask(t, "POST", "/accounts/alice/commands", deposit, "If-Match: "+test.ifMatch)
			a.want(t, test.status)
			a.wantJSON(t, map[string]any{"code": test.code})
			got := none
			for _, command := range b.sender.Sent() {
				if got = anyAt; command.ExpectedSequence != nil {
					got = *command.ExpectedSequence
				}
			}
			if got != test.expects {
				t.Errorf("sent with the expected sequence %d, want %d", got, test.expects)
			}
		})
	}
}

// A command that is sent again has its first outcome, whatever became of the state since.
func TestSend_ifMatchAgain(t *testing.T) {
	b := newBench(t, nil)
	b.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		return views.Command{CommandKey: key, Type: "DepositMoney", Status: views.Accepted}, nil
	}
	b.ask(t, "POST", "/accounts/alice/commands", deposit, "Idempotency-Key: c-1",
		`If-Match: "7-AAAAAAAAAAAAAAAA"`).want(t, http.StatusAccepted)
}
