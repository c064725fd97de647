package inventory

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// fit reads records whose value is a sequence; "none" is nobody's.
func (s *site) fit() *Fit {
	sequence := func(r *kgo.Record) (int64, error) {
		n, _ := strconv.ParseInt(string(r.Value), 10, 64)
		return n, nil
	}
	return NewFit(kafka.Settings{Brokers: s.cluster.Brokers()}, Aggregate{
		Events: "events", Results: "results", Table: "table",
		EventSequence: sequence, RowSequence: sequence,
		Eventful: func(r *kgo.Record) (bool, error) { return string(r.Value) == "accepted", nil },
	})
}

// write writes records given as "topic key value" to partition 0; no value: a deletion. end ends their
// transaction.
func (s *site) write(end kgo.TransactionEndTry, records ...string) {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.Brokers()...), kgo.TransactionalID("writer"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		s.t.Fatal(err)
	}
	for _, text := range records {
		words := strings.Fields(text)
		r := &kgo.Record{Topic: words[0], Key: []byte(words[1])}
		if len(words) > 2 {
			r.Value = []byte(words[2])
		}
		if err := client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := client.EndTransaction(s.t.Context(), end); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) deleteBefore(topic string, offset int64) {
	s.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, offset, -1)
	responses, err := kadm.NewClient(s.client).DeleteRecords(s.t.Context(), offsets)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// What can be, and what can't.
func TestFit(t *testing.T) {
	whole := []string{"events a 1", "events a 2", "table a 2", "results a accepted"}
	type logs map[string]int64
	for name, test := range map[string]struct {
		committed, aborted []string
		deleted            logs   // before which offset, by topic
		says               string // of partition 0; empty: it fits
	}{
		"new":                    {},
		"whole":                  {committed: whole},
		"only rejected commands": {committed: []string{"table a 0", "results a rejected"}},
		"only a letter's offset": {committed: []string{"results a none"}},
		"results are not kept":   {committed: whole, deleted: logs{"results": 2}},
		"rows were given up": {
			committed: []string{"table a 3", "table b 1", "table a", "table b 0"},
		},
		"aborted events":          {aborted: []string{"events a 1"}},
		"aborted rows":            {aborted: []string{"table a 1"}},
		"aborted results":         {aborted: []string{"results a accepted"}},
		"a row that nobody reads": {committed: []string{"events a 1", "table a none"}},
		"another row is the last": {committed: []string{"events a 1", "table b 0"}},
		"a row was deleted":       {committed: []string{"events a 1", "table a 1", "table a"}},
		"events without rows":     {committed: []string{"events a 1"}, says: "table/0 is empty"},
		"rows without events": {
			committed: []string{"table b 0", "table a 3"}, says: "events/0 is empty",
		},
		"results alone": {
			committed: []string{"results a accepted"}, says: "were lost, or made anew",
		},
		"rows were deleted":   {committed: whole, deleted: logs{"table": 1}, says: "table/0 starts"},
		"events were deleted": {committed: whole, deleted: logs{"events": 1}, says: "events/0 starts"},
		"the last events were lost": {
			committed: []string{"events a 1", "table a 2"}, says: "the last events were lost",
		},
		"the last rows were lost": {
			committed: []string{"events a 1", "events a 2", "table a 1"}, says: "the last rows were lost",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			for _, topic := range []string{"events", "results", "table"} {
				s.create(topic)
			}
			if len(test.committed) > 0 {
				s.write(kgo.TryCommit, test.committed...)
			}
			if len(test.aborted) > 0 {
				s.write(kgo.TryAbort, test.aborted...)
			}
			for topic, offset := range test.deleted {
				s.deleteBefore(topic, offset)
			}
			f := s.fit()
			f.rowsAtOnce = 1
			is := test.says == ""
			for range 2 { // what was looked at once is remembered
				unfit, err := f.Check(t.Context(), []int32{0, 1})
				if err != nil {
					t.Fatal(err)
				}
				got := unfit[0]
				said := fmt.Sprint(got)
				if unfit[1] != nil || (got == nil) != is || !strings.Contains(said, test.says) {
					t.Errorf("got %v", unfit)
				}
				if got != nil && (!errors.Is(got, ErrUnfit) || !strings.Contains(got.Error(), runbook)) {
					t.Errorf("got %v", got)
				}
			}
		})
	}
}

// While the caller writes, what it has not written yet is not missed; what somebody deletes is.
func TestFitWhileWriting(t *testing.T) {
	s := newSite(t)
	for _, topic := range []string{"events", "results", "table"} {
		s.create(topic)
	}
	f := s.fit()
	fits := func(want bool) {
		t.Helper()
		unfit, err := f.Check(t.Context(), []int32{0})
		if err != nil || (len(unfit) == 0) != want {
			t.Errorf("got %v, %v", unfit, err)
		}
	}
	fits(true)
	for n := range 3 {
		s.write(kgo.TryCommit, fmt.Sprintf("events a %d", n+1), fmt.Sprintf("table a %d", n+1))
		fits(true)
	}
	s.write(kgo.TryCommit, "table a 9") // as between two answers to the same question
	fits(true)
	s.deleteBefore("table", 3)
	fits(false)
}

// No partitions, no questions.
func TestFitOfNothing(t *testing.T) {
	s := newSite(t)
	if unfit, err := s.fit().Check(t.Context(), nil); err != nil || len(unfit) > 0 {
		t.Errorf("got %v, %v", unfit, err)
	}
}
