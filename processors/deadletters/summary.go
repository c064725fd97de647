package deadletters

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Count is how many dead letters there are of one reason and one topic.
type Count struct {
	Reason string    `json:"reason"`
	Topic  string    `json:"topic"` // that the records came from
	Count  int64     `json:"count"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// Summarize counts the dead letters of a selection, which it reads as Each does, without
// Selection.Limit. The most frequent come first.
func (q *Queue) Summarize(ctx context.Context, s Selection) ([]Count, Reading, error) {
	type kind struct{ reason, topic string }
	counts := make(map[kind]*Count)
	s.Limit = 0
	reading, err := q.Each(ctx, s, func(l *Letter) error {
		k := kind{l.Reason, l.Origin.Topic}
		c := counts[k]
		if c == nil {
			c = &Count{Reason: k.reason, Topic: k.topic, First: l.Time, Last: l.Time}
			counts[k] = c
		}
		c.Count++
		if l.Time.Before(c.First) {
			c.First = l.Time
		}
		if l.Time.After(c.Last) {
			c.Last = l.Time
		}
		return nil
	})
	if err != nil {
		return nil, reading, err
	}
	sorted := make([]Count, 0, len(counts))
	for _, c := range counts {
		sorted = append(sorted, *c)
	}
	slices.SortFunc(sorted, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Topic, b.Topic))
	})
	return sorted, reading, nil
}

// Tally counts letters by their Status.
type Tally [Impossible + 1]int

// Preview returns what Settle would do with a selection, and does nothing. last is the last letter that would
// be settled, nil if none would.
func (q *Queue) Preview(
	ctx context.Context, s Selection, d Disposition,
) (tally Tally, last *Letter, err error) {
	_, err = q.Settle(ctx, s, Action{Disposition: d, DryRun: true}, func(r Report) error {
		tally[r.Status]++
		if r.Status == Done {
			last = r.Letter
		}
		return nil
	})
	return tally, last, err
}
