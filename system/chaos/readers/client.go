package readers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
)

// reader is one client. It reads through several pods at the same time.
type reader struct {
	*known

	http   *http.Client
	record *record
	kinds  []string
}

// pageRows is how many rows of a list are asked for at once, and pageEvents how many events.
const (
	pageRows   = 50
	pageEvents = 20
)

// read is one kind of read: it asks a pod for something that the dice choose.
type read func(r *reader, ctx context.Context, pod string, dice *rand.Rand)

// mix is how often each kind of read comes, among all of them.
var mix = []struct {
	read  read
	times int
}{
	{(*reader).readRow, 6},
	{(*reader).readAtLeast, 6},
	{(*reader).waitAhead, 1},
	{(*reader).readHistory, 3},
	{(*reader).readList, 2},
	{(*reader).readOutcome, 3},
	{(*reader).findOutcome, 1},
}

// any reads something.
func (r *reader) any(ctx context.Context, pod string, dice *rand.Rand) {
	total := 0
	for _, m := range mix {
		total += m.times
	}
	n := dice.IntN(total)
	for _, m := range mix {
		if n -= m.times; n < 0 {
			m.read(r, ctx, pod, dice)
			return
		}
	}
}

func pathOf(a aggregate) string { return "/" + a.kind + "/" + url.PathEscape(a.id) }

// ask sends a read, and counts its outcome. seen says what the client has seen of what it asks for; if it is
// not empty, 404 is an older state. judge takes the answer in, and says what is wrong with it.
func (r *reader) ask(ctx context.Context, pod, path, seen string, judge func(*answer) (string, error)) {
	r.judge(ctx, get(ctx, r.http, pod, path, ""), seen, judge)
}

// judge counts an answer, see ask.
func (r *reader) judge(ctx context.Context, a answer, seen string, judge func(*answer) (string, error)) {
	switch {
	case ctx.Err() != nil:
		return // the readers are stopped
	case errors.Is(a.err, errSilent):
		r.record.find(a.finding(Undocumented, a.err.Error()))
		return
	case a.err != nil:
		r.record.count(unanswered)
		return
	}
	code, why := a.undocumented()
	if why != "" {
		r.record.find(a.finding(Undocumented, why))
		return
	}
	switch a.status {
	case http.StatusOK, http.StatusMultipleChoices:
	case http.StatusNotFound:
		if seen != "" {
			r.record.find(a.finding(Back, "not found, though "+seen))
			return
		}
		r.record.count(answered)
		return
	default:
		r.record.refuse(code)
		return
	}
	switch back, err := judge(&a); {
	case err != nil:
		r.record.find(a.finding(Undocumented, err.Error()))
	case back != "":
		r.record.find(a.finding(Back, back))
	default:
		r.record.count(answered)
	}
}

// row is a row as the API shows it.
type row struct {
	ID       string
	Sequence int64
}

// readRow reads a row, and expects what the client knows.
func (r *reader) readRow(ctx context.Context, pod string, dice *rand.Rand) {
	if a, has := r.known.any(dice); has {
		r.askRow(ctx, pod, a, pathOf(a), r.row(a))
	}
}

// readMoved reads a row that has moved lately, and expects what the client knows.
func (r *reader) readMoved(ctx context.Context, pod string, dice *rand.Rand) {
	if a, has := r.lately(dice); has {
		r.askRow(ctx, pod, a, pathOf(a), r.row(a))
	}
}

// readAtLeast asks for a row at the sequence that the client knows.
func (r *reader) readAtLeast(ctx context.Context, pod string, dice *rand.Rand) {
	if a, has := r.known.any(dice); has {
		n := r.row(a)
		r.askRow(ctx, pod, a, pathOf(a)+"?atLeast="+strconv.FormatInt(n, 10), n)
	}
}

// waitAhead waits a second for the next sequence of an aggregate that has moved lately.
func (r *reader) waitAhead(ctx context.Context, pod string, dice *rand.Rand) {
	a, has := r.lately(dice)
	if !has {
		return
	}
	n := r.row(a) + 1
	got := get(ctx, r.http, pod, pathOf(a)+"?atLeast="+strconv.FormatInt(n, 10), "wait=1")
	r.judge(ctx, got, fmt.Sprintf("%d was asked for", n), r.ofRow(a, n))
}

func (r *reader) askRow(ctx context.Context, pod string, a aggregate, path string, least int64) {
	seen := ""
	if least > 0 {
		seen = fmt.Sprintf("it has been at %d", least)
	}
	r.ask(ctx, pod, path, seen, r.ofRow(a, least))
}

// ofRow judges an answer with a row, which may not be below a sequence.
func (r *reader) ofRow(a aggregate, least int64) func(*answer) (string, error) {
	return func(got *answer) (string, error) {
		var shown row
		if err := json.Unmarshal(got.body, &shown); err != nil || shown.ID != a.id {
			return "", fmt.Errorf("this is no row of %s: %w", a.id, err)
		}
		if shown.Sequence < least {
			return fmt.Sprintf("it is at %d, and may not be below %d", shown.Sequence, least), nil
		}
		r.saw(a, shown.Sequence)
		return "", nil
	}
}

// readList reads a page of a list, from anywhere.
func (r *reader) readList(ctx context.Context, pod string, dice *rand.Rand) {
	kind, after := r.kinds[dice.IntN(len(r.kinds))], ""
	if ids := r.all(kind); len(ids) > 0 {
		if n := dice.IntN(len(ids) + 1); n > 0 {
			after = ids[n-1]
		}
	}
	query := url.Values{"limit": {strconv.Itoa(pageRows)}}
	if after != "" {
		query.Set("after", after)
	}
	knew := r.behind(kind, after, pageRows)
	r.ask(ctx, pod, "/"+kind+"?"+query.Encode(), "", func(got *answer) (string, error) {
		page, next, err := readPage(got.body)
		if err != nil {
			return "", err
		}
		for _, shown := range page {
			r.saw(aggregate{kind, shown.id}, shown.sequence)
		}
		return misses(page, next == "", knew), nil
	})
}

// readPage reads a page of a list: its rows, and the path of the next page.
func readPage(body []byte) (page []sighted, next string, err error) {
	var shown struct {
		Items []row
		Next  string
	}
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil, "", fmt.Errorf("this is no page: %w", err)
	}
	for _, item := range shown.Items {
		if len(page) > 0 && item.ID <= page[len(page)-1].id {
			return nil, "", fmt.Errorf("the page has %q behind %q", item.ID, page[len(page)-1].id)
		}
		page = append(page, sighted{item.ID, item.Sequence})
	}
	return page, shown.Next, nil
}

// readHistory reads the newest events of an aggregate.
func (r *reader) readHistory(ctx context.Context, pod string, dice *rand.Rand) {
	a, has := r.known.any(dice)
	if !has {
		return
	}
	least, seen := r.history(a), ""
	if least > 0 {
		seen = fmt.Sprintf("its history has ended at %d", least)
	}
	path := pathOf(a) + "/events?order=newest&limit=" + strconv.Itoa(pageEvents)
	r.ask(ctx, pod, path, seen, func(got *answer) (string, error) {
		var page struct {
			Sequence int64
			Items    []struct {
				Sequence    int64
				CausationID string
			}
		}
		if err := json.Unmarshal(got.body, &page); err != nil {
			return "", fmt.Errorf("this is no history: %w", err)
		}
		if page.Sequence < least {
			return fmt.Sprintf("it ends at %d, %s", page.Sequence, seen), nil
		}
		for i, event := range page.Items {
			if want := page.Sequence - int64(i); event.Sequence != want {
				return fmt.Sprintf("where event %d should be is %d", want, event.Sequence), nil
			}
			r.heard(command{a, event.CausationID})
		}
		r.sawHistory(a, page.Sequence)
		return "", nil
	})
}
