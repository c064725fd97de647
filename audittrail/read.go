package audittrail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Query says which records are meant. What is empty means any.
type Query struct {
	Who  string // a part of the name
	What string // a part of what was done, on what, or with which parameters
	// Before is a sequence: only records before it are read; 0: from the newest.
	Before int64
	// Limit is the most records; 50 if 0.
	Limit int
}

// Page are some records.
type Page struct {
	Records []Record // the newest first
	// Next is Query.Before of the next page; 0: there is none.
	Next int64
}

const (
	// window is how many records are read at a time, from the newest back.
	window = 500
	// slack is how many records behind a page are read for ends of what was begun in it.
	slack = 500
	// maxScanned is how many records a query looks through that finds nothing; its page then ends.
	maxScanned     = 20_000
	defaultRecords = 50
)

// errEnough ends a reading.
var errEnough = errors.New("enough")

// Read returns records, the newest first. Of an operation that has ended, the record of its beginning is left
// out, if the end is not much newer.
func (t *Trail) Read(ctx context.Context, q Query) (Page, error) {
	client, err := t.connected()
	if err != nil {
		return Page{}, err
	}
	start, end, err := t.bounds(ctx, client)
	if err != nil || start == end {
		return Page{}, err
	}
	if q.Limit <= 0 {
		q.Limit = defaultRecords
	}
	until := end // before which offset records are given out
	if q.Before > 0 {
		until = min(end, q.Before-1)
	}
	reading := &reading{query: q, ended: map[string]bool{}}
	to := min(end, until+slack)
	for scanned := int64(0); until > start; {
		from := max(start, until-window)
		records, err := t.between(ctx, client, from, to)
		if err != nil {
			return Page{}, err
		}
		if reading.take(records, until) {
			break
		}
		scanned += until - from
		until, to = from, from
		if scanned >= maxScanned && until > start {
			reading.page.Next = until + 1
			break
		}
	}
	return reading.page, nil
}

// reading is a Read on its way.
type reading struct {
	query Query
	ended map[string]bool // the IDs of operations whose end was seen
	page  Page
}

// take gives out records of a window, and reports whether the page is full.
func (r *reading) take(records []Record, until int64) (full bool) {
	for i := len(records) - 1; i >= 0; i-- {
		one := &records[i]
		hidden := one.Stage == Begun && r.ended[one.ID]
		if one.Stage != Begun && one.ID != "" {
			r.ended[one.ID] = true
		}
		if hidden || one.Sequence > until || !r.query.means(one) {
			continue
		}
		if len(r.page.Records) == r.query.Limit {
			r.page.Next = r.page.Records[r.query.Limit-1].Sequence
			return true
		}
		r.page.Records = append(r.page.Records, *one)
	}
	return false
}

func (q *Query) means(r *Record) bool {
	if q.Who != "" && !strings.Contains(strings.ToLower(r.Who), strings.ToLower(q.Who)) {
		return false
	}
	return q.What == "" || r.has(q.What)
}

// bounds returns the first offset of the trail, and the one after the last.
func (t *Trail) bounds(ctx context.Context, client *kgo.Client) (start, end int64, err error) {
	admin := kadm.NewClient(client)
	start, err = kafka.OffsetOf(t.options.Topic, 0)(admin.ListStartOffsets(ctx, t.options.Topic))
	if err == nil {
		end, err = kafka.OffsetOf(t.options.Topic, 0)(admin.ListEndOffsets(ctx, t.options.Topic))
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the audit trail: %w", err)
	}
	return start, end, nil
}

// between reads the records from an offset to before another.
func (t *Trail) between(ctx context.Context, client *kgo.Client, from, to int64) (found []Record, err error) {
	at := kafka.Range{Topic: t.options.Topic, Partition: 0, From: from}
	_, err = kafka.ReadPartitionBy(ctx, client, at, func(records []*kgo.Record, p kafka.Progress) error {
		for _, r := range records {
			if r.Offset < to {
				found = append(found, decode(r.Offset, kafka.ReadTime(r.Timestamp).UTC(), r.Value))
			}
		}
		if p.End >= 0 && p.Next >= to {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("read the audit trail: %w", err)
	}
	return found, nil
}
