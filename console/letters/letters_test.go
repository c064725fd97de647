package letters_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/frame"
	"refold/console/letters"
)

// box has some letters. Those that are settled stay so.
type box struct {
	letters.Listing

	whole  map[letters.Ref]*letters.Whole
	orders []letters.Order
	answer letters.Outcome
	err    error
	result *client.Command
}

func (b *box) List(context.Context) (letters.Listing, error) { return b.Listing, b.err }

func (b *box) Get(_ context.Context, ref letters.Ref) (*letters.Whole, error) {
	if w := b.whole[ref]; w != nil {
		return w, nil
	}
	return nil, fmt.Errorf("%w at %s yet", letters.ErrMissing, ref)
}

func (b *box) Settle(_ context.Context, o letters.Order) (letters.Outcome, error) {
	b.orders = append(b.orders, o)
	return b.answer, b.err
}

func (b *box) Command(
	_ context.Context, aggregate, id, commandID string, _ time.Duration,
) (*client.Command, error) {
	if b.result == nil || aggregate != "accounts" || id != "alice" || commandID != "c1" {
		return nil, &client.Problem{
			Problem: wire.Problem{Status: http.StatusNotFound, Code: wire.CodeNotFound},
		}
	}
	return b.result, nil
}

func kinds() []letters.Kind {
	return []letters.Kind{{
		Name: "account", Plural: "accounts", Commands: "account-commands", Events: "account-events",
	}}
}

func letter(offset int64, reason, typeName, key string) letters.Letter {
	return letters.Letter{
		Ref:   letters.Ref{Partition: 2, Offset: offset},
		Time:  consoletest.Now.Add(-time.Duration(offset) * time.Minute),
		Topic: "account-commands", OriginPartition: 1, OriginOffset: 40 + offset, Reason: reason,
		Message: "wrong is " + key, Group: "accounts", Version: "1.2", Back: "account-commands",
		Key: []byte(key), Type: typeName, ID: "c1", CorrelationID: "c1", Bytes: 3,
	}
}

// someLetters are three open ones and a settled one.
func someLetters() *box {
	settled := letter(4, "bug", "DepositMoney", "carol")
	settled.Settled = &letters.Settled{
		Outcome: "discarded", Time: consoletest.Now, By: "bob", Note: "test data",
	}
	return &box{Listing: letters.Listing{Letters: []letters.Letter{
		letter(1, "undecodable", "DepositMoney", "alice"), letter(2, "undecodable", "DepositMoney", "bob"),
		letter(3, "not-wire-format", "", "alice"), settled,
	}}}
}

func serve(t *testing.T, b *box) *consoletest.Console {
	t.Helper()
	return consoletest.Serve(t, letters.Part(b, b, kinds()))
}

func rowsOf(page *consoletest.Page) (found []string) {
	for _, a := range consoletest.All(page.Root, "a") {
		if strings.HasPrefix(consoletest.Text(a), "2/") {
			found = append(found, consoletest.Text(a))
		}
	}
	return found
}

func TestListIsGroupedAndFiltered(t *testing.T) {
	c := serve(t, someLetters())
	page := c.Get(t, "/console/dead-letters").Want(http.StatusOK,
		"undecodable DepositMoney 2 1 min ago 2 min ago",
		"3 open letters", "wrong is alice", "no type")
	if got := page.Link("alice"); got != "/console/accounts/alice" {
		t.Errorf("the aggregate's link is %q", got)
	}
	for query, want := range map[string]string{
		"": "2/1 2/2 2/3", "?state=settled": "2/4", "?state=all": "2/1 2/2 2/3 2/4",
		"?reason=undecodable": "2/1 2/2", "?type=-": "2/3", "?aggregate=alice": "2/1 2/3",
		"?topic=account-commands&aggregate=bob": "2/2", "?topic=other": "", "?age=1h": "2/1 2/2 2/3",
		"?page=2": "",
	} {
		got := strings.Join(rowsOf(c.Get(t, "/console/dead-letters"+query).Want(http.StatusOK)), " ")
		if got != want {
			t.Errorf("%q lists %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"?state=x", "?age=1", "?page=0"} {
		c.Get(t, "/console/dead-letters"+query).Want(http.StatusBadRequest)
	}
	serve(t, &box{}).Get(t, "/console/dead-letters").Want(http.StatusOK, "There are no dead letters")
}

func TestManyLettersHavePages(t *testing.T) {
	b := &box{}
	for i := range 1000 {
		b.Letters = append(b.Letters, letter(int64(i), "undecodable", "DepositMoney", fmt.Sprint("a", i)))
	}
	c := serve(t, b)
	page := c.Get(t, "/console/dead-letters").Want(http.StatusOK, "1,000 open letters")
	if n := len(page.Body); n > 150<<10 {
		t.Errorf("the page has %d bytes", n)
	}
	next := page.Link("Next →")
	if got := rowsOf(c.Get(t, next)); len(got) != 50 || got[0] != "2/50" {
		t.Errorf("the next page has %v", got)
	}
	c.Allow = []frame.Right{frame.Operate}
	page = c.Get(t, "/console/dead-letters/settle?do=discard").Want(http.StatusOK,
		"Discard 1,000 dead letters?",
		"and 900 more")
	if n := len(page.Body); n > 150<<10 {
		t.Errorf("the page that asks has %d bytes", n)
	}
}

func TestSettlingByFilter(t *testing.T) {
	b := someLetters()
	b.answer = letters.Outcome{
		Done: 1, Already: []letters.Ref{{Partition: 2, Offset: 2}},
		Failed: []letters.Failed{{Ref: letters.Ref{Partition: 2, Offset: 9}, Why: "it is too large"}},
	}
	c := serve(t, b)
	c.Allow = []frame.Right{frame.Operate}
	ask := c.Get(t, "/console/dead-letters?reason=undecodable").Link("Replay 2 letters…")
	page := c.Get(t, ask).Want(http.StatusOK, "Replay 2 dead letters?", "wrong is bob")
	form := url.Values{
		"do":   {consoletest.Attr(page.One("input", "name", "do"), "value")},
		"refs": {consoletest.Attr(page.One("input", "name", "refs"), "value")}, "note": {"it is mended"},
	}
	c.Post(t, "/console/dead-letters/settle", form).Want(http.StatusOK, "1 replayed", "1 letter stayed",
		"it is too large")
	got := b.orders[0]
	if fmt.Sprint(got.Refs) != "[2/1 2/2]" || got.Discard || got.Note != "it is mended" ||
		got.By != "anonymous at 192.0.2.1" {
		t.Errorf("asked was %+v", got)
	}
	form.Set("note", strings.Repeat("x", 2000))
	c.Post(t, "/console/dead-letters/settle", form).Want(http.StatusBadRequest, "at most 1024")
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"replay"}}).Want(http.StatusBadRequest)
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"x"}}).Want(http.StatusBadRequest)
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"discard"}, "refs": {"2"}}).
		Want(http.StatusBadRequest)
	b.err, b.answer = errors.New("the broker is away"), letters.Outcome{Done: 1}
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"discard"}, "refs": {"2/1 2/3"}}).
		Want(http.StatusServiceUnavailable, "It was done with 1 letter. Then: the broker is away.",
			"nothing is settled twice")
}

func TestWhoMayNotOperate(t *testing.T) {
	b := someLetters()
	b.whole = map[letters.Ref]*letters.Whole{
		{Partition: 2, Offset: 1}: {Letter: b.Letters[0], Value: []byte("abc")},
	}
	c := serve(t, b)
	page := c.Get(t, "/console/dead-letters").Want(http.StatusOK, "console.allow")
	if n := len(consoletest.All(page.Root, "button", "type", "button", "disabled", "")); n != 2 {
		t.Errorf("%d buttons are disabled, want 2", n)
	}
	page = c.Get(t, "/console/dead-letters/2/1").Want(http.StatusOK, "console.allow")
	page.One("button", "value", "replay", "disabled", "")
	page.One("button", "value", "discard", "disabled", "")
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"replay"}, "refs": {"2/1"}}).
		Want(http.StatusForbidden)
	if len(b.orders) > 0 {
		t.Errorf("asked was %+v", b.orders)
	}
}

func TestFaultIsShownAtItsPlace(t *testing.T) {
	value := []byte(strings.Repeat("0123456789abcdef", 40))
	ref := letters.Ref{Partition: 2, Offset: 1}
	for name, test := range map[string]struct {
		from, to int
		placed   bool
		marked   string // in hex and as text
		says     string
	}{
		"in the middle": {35, 36, true, "33 3", "at byte 35 (0x23)"},
		"far behind":    {600, 601, true, "38 8", "at byte 600"},
		"at the end": {
			640, 640, true, "bytes are missing here", "Bytes are missing at the end, after 640.",
		},
		"in the header": {-5, -1, true, "", "in the header __value_schema_id"},
		"not known":     {0, 0, false, "", "Which byte is at fault is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			b := someLetters()
			b.whole = map[letters.Ref]*letters.Whole{ref: {
				Letter: b.Letters[0], Value: value,
				Decoded: letters.Decoded{
					Why: errors.New("it is cut short"), From: test.from, To: test.to, Placed: test.placed,
				},
			}}
			page := serve(t, b).Get(t, "/console/dead-letters/2/1").Want(http.StatusOK,
				test.says, "it is cut short", "Right would be:")
			var marked []string
			for _, m := range consoletest.All(page.Root, "mark") {
				marked = append(marked, consoletest.Text(m))
			}
			if got := strings.Join(marked, " "); got != test.marked {
				t.Errorf("marked is %q, want %q", got, test.marked)
			}
		})
	}
}

func TestDecodedLetter(t *testing.T) {
	b := someLetters()
	l := letter(1, "bad-header", "DepositMoney", "alice")
	l.Message = "ce_time is no time"
	b.whole = map[letters.Ref]*letters.Whole{l.Ref: {
		Letter: l, Value: []byte{0, 0, 0, 0, 7, 1},
		Headers: []letters.Header{
			{Name: "ce_id", Value: []byte("c1")}, {Name: "ce_time", Value: []byte("noon")},
		},
		Decoded: letters.Decoded{
			Schema: "bank.DepositMoney", SchemaID: "7", JSON: json.RawMessage(`{"amount":5}`),
		},
	}}
	page := serve(t, b).Get(t, "/console/dead-letters/2/1").Want(http.StatusOK,
		"bank.DepositMoney", "schema 7", "amount 5",
		"the fault is in the headers", "account-commands partition 1, offset 41", "version 1.2")
	if got := consoletest.Text(page.One("mark")); got != "noon" {
		t.Errorf("marked is %q", got)
	}
	if got := page.Link("c1"); got != "/console/traces/c1" {
		t.Errorf("the trace is at %q", got)
	}
}

func TestWhatBecameOfALetter(t *testing.T) {
	b := someLetters()
	l := letter(1, "bug", "DepositMoney", "alice")
	l.Settled = &letters.Settled{
		Outcome: "replayed", Time: consoletest.Now.Add(-time.Minute), By: "bob", Note: "mended",
		Topic: "account-commands",
	}
	b.whole = map[letters.Ref]*letters.Whole{l.Ref: {Letter: l, Value: []byte("x")}}
	b.result = &client.Command{
		Command: wire.Command{Status: wire.StatusRejected, Code: "funds", Message: "too little"},
	}
	c := serve(t, b)
	page := c.Get(t, "/console/dead-letters/2/1").Want(http.StatusOK, "replayed 1 min ago by bob", "mended",
		"rejected", "funds", "too little").Without("What to do:")
	if n := len(consoletest.All(page.Root, "button", "name", "do")); n > 0 {
		t.Errorf("a letter that is settled has %d buttons", n)
	}
	again := letter(7, "bug", "DepositMoney", "alice")
	again.ReplayOf = "2/1"
	b.Letters = append(b.Letters, again)
	page = c.Get(t, "/console/dead-letters/2/1").Want(http.StatusOK, "It failed again")
	if got := page.Link("dead letter 2/7"); got != "/console/dead-letters/2/7" {
		t.Errorf("it leads to %q", got)
	}
}

func TestLetterOfAProjection(t *testing.T) {
	b := someLetters()
	l := letter(1, "undecodable", "MoneyDeposited", "alice")
	l.Projection, l.Topic, l.ID, l.Back = "account_card", "account-events", "alice/7", ""
	b.whole = map[letters.Ref]*letters.Whole{l.Ref: {Letter: l, Value: []byte("x")}}
	c := serve(t, b)
	c.Allow = []frame.Right{frame.Operate}
	page := c.Get(t, "/console/dead-letters/2/1").Want(http.StatusOK,
		"Mend the projection account_card and rebuild it",
		"projection account_card", "No replay:")
	page.One("button", "value", "replay", "disabled", "")
	if got := page.Link("alice"); got != "/console/accounts/alice?event=7" {
		t.Errorf("the event is at %q", got)
	}
}

func TestThereIsNoSuchLetter(t *testing.T) {
	c := serve(t, someLetters())
	c.Get(t, "/console/dead-letters/2/77").Want(http.StatusNotFound, "There is no dead letter at 2/77 yet.")
	c.Get(t, "/console/dead-letters/x/y").Want(http.StatusNotFound, "names none")
}

func TestMarkupInLettersIsText(t *testing.T) {
	m := consoletest.Markup
	b := &box{}
	l := letter(1, m, m, m)
	l.Message, l.Group, l.Topic, l.ID, l.CorrelationID, l.ReplayOf, l.Version = m, m, m, m, m, m, m
	l.Settled = &letters.Settled{Outcome: "discarded", By: m, Note: m, Topic: m}
	open := l
	open.Offset, open.Settled, open.Topic = 2, nil, "account-commands"
	b.Letters = []letters.Letter{l, open}
	b.whole = map[letters.Ref]*letters.Whole{}
	for i, one := range b.Letters {
		w := &letters.Whole{
			Letter: one, Value: []byte(m), Headers: []letters.Header{{Name: m, Value: []byte(m)}},
			Decoded: letters.Decoded{Schema: m, SchemaID: m, Why: errors.New(m)},
		}
		if i == 0 {
			w.Decoded.Why, w.Decoded.JSON = nil, json.RawMessage(fmt.Sprintf(`{%q:%q}`, "<b>", "<script>"))
		}
		b.whole[one.Ref] = w
	}
	b.answer.Failed = []letters.Failed{{Why: m}, {Why: m}}
	c := serve(t, b)
	c.Allow = []frame.Right{frame.Operate}
	for _, path := range []string{
		"/console/dead-letters?state=all", "/console/dead-letters/2/1", "/console/dead-letters/2/2",
		"/console/dead-letters/settle?do=replay",
		frame.With("/console/dead-letters", "reason", m, "type", m, "topic", m, "aggregate", m),
	} {
		c.Get(t, path).Want(http.StatusOK).Escaped()
	}
	c.Post(t, "/console/dead-letters/settle", url.Values{"do": {"replay"}, "refs": {"2/1 2/2"}}).
		Want(http.StatusOK).Escaped()
}
