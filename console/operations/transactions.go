package operations

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"refold/console/frame"
)

// Transactions knows the transactions that are open in the topics of the program.
type Transactions interface {
	// Open returns those that were open at most a few seconds ago, the oldest first, and when that was.
	Open(ctx context.Context) ([]Transaction, time.Time, error)
	// Abort ends one. The error may be ErrNoTransaction.
	Abort(ctx context.Context, topic string, partition int32, offset int64) error
}

// ErrNoTransaction says that a transaction is not open any more.
var ErrNoTransaction = errors.New("no such transaction is open")

// Transaction is one that is open: readers of committed records stop before its first record.
type Transaction struct {
	Topic      string
	Partition  int32
	Offset     int64 // of its first record
	Since      time.Time
	Timeout    time.Duration
	ID         string // of its producer; empty: it hangs
	ProducerID int64
}

// Hangs reports whether no coordinator knows it any more, so that nothing will ever end it.
func (t *Transaction) Hangs() bool { return t.ID == "" }

// oldTransaction is from when a transaction is no mere work under way.
const oldTransaction = 10 * time.Second

// state is its state in a word.
func (t *Transaction) state(now time.Time) (frame.PillKind, string) {
	switch {
	case t.Hangs():
		return frame.Bad, "hangs"
	case now.Sub(t.Since) >= oldTransaction:
		return frame.Warn, "open for long"
	}
	return frame.Plain, "under way"
}

// transactions answers GET /console/operations/transactions.
func (o *pages) transactions(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	open, at, err := o.Transactions.Open(r.Context())
	if err != nil {
		return away("Open transactions", err)
	}
	return p.Show(w, r, "Transactions", transactions(p, open, at, saidOf(r)))
}

// place reads where a transaction is.
func place(text func(string) string) (topic string, partition int32, offset int64, err error) {
	n, err := number("The partition", text("partition"), 0)
	if err != nil {
		return "", 0, 0, err
	}
	if n > 1<<20 {
		return "", 0, 0, frame.Invalid("There is no partition of that number.")
	}
	at, err := number("The offset", text("offset"), 0)
	return text("topic"), int32(n), int64(at), err
}

// askAbort answers GET /console/operations/transactions/abort?topic=&partition=&offset=.
func (o *pages) askAbort(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	topic, partition, offset, err := place(r.URL.Query().Get)
	if err != nil {
		return err
	}
	return confirm(w, r, p, confirming{
		title: "Abort the transaction at " + topic + "/" + strconv.Itoa(int(partition)) + ", offset " +
			strconv.FormatInt(offset, 10) + "?",
		text: []string{
			"None of its records will ever be read as committed, in any of its partitions. Its producer, " +
				"if it is alive, is fenced.",
			"A worker whose transaction is aborted starts over, and handles the same records again: " +
				"nothing is lost. What another program has written is gone unless it writes it again.",
		},
		back: path(transactionsTab),
		act: frame.Act{
			Path: path(transactionsTab, "abort"), Label: "Abort it",
			Confirm: "Give up the records of this transaction",
			Fields: []frame.Field{
				{Name: "topic", Value: topic},
				{Name: "partition", Value: strconv.Itoa(int(partition))},
				{Name: "offset", Value: strconv.FormatInt(offset, 10)},
			},
		},
	})
}

// abort answers POST /console/operations/transactions/abort.
func (o *pages) abort(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if err := formOf(r); err != nil {
		return err
	}
	topic, partition, offset, err := place(r.PostForm.Get)
	if err != nil {
		return err
	}
	err = o.Transactions.Abort(r.Context(), topic, partition, offset)
	if errors.Is(err, ErrNoTransaction) {
		return refusal("It is not open any more", err)
	}
	if err != nil {
		return away("The transaction", err)
	}
	return p.Back(w, r, done(path(transactionsTab), "aborted"))
}
