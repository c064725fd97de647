package inspect_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/inspect"
	"refold/kafka"
)

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func offset(n int64) *int64 { return &n }

// Given records of all kinds, compressed in all ways, when the topic is read, then each is shown, whatever
// stands between them.
func TestCatShowsWhatIsThere(t *testing.T) {
	s := newStage(t, 1)
	for _, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(),
		kgo.ZstdCompression(),
	} {
		s.write(s.client(kgo.ProducerBatchCompression(codec)), 0, `{"a":1}`)
	}
	s.write(s.plain, 0, s.sold(9007199254740993), "\x00\x00\x00\x00\xffgarbage", "text", "\xff")
	s.produce(s.plain, &kgo.Record{Key: []byte("k")})
	s.produce(s.plain, &kgo.Record{Value: []byte("no key")})
	values, report := s.cat(inspect.Options{})
	json := `{"a":1}`
	equal(t, values, []string{
		json, json, json, json, json, `{"price":9007199254740993}`, `"AAAAAP9nYXJiYWdl"`, `"text"`, `"/w=="`,
		"null", `"no key"`,
	})
	equal(t, report, inspect.Report{Shown: 11, Partitions: []int32{0}})
}

// stagedTransactions fills a topic with transactions of all kinds; the last is open until the test ends.
func stagedTransactions(t *testing.T) *stage {
	t.Helper()
	s := newStage(t, 1)
	tx, other := s.client(kgo.TransactionalID("x")), s.client(kgo.TransactionalID("y"))
	s.begin(tx)
	s.write(tx, 0, "committed")
	s.end(tx, kgo.TryCommit)
	s.begin(tx)
	s.write(tx, 0, "aborted")
	s.write(s.plain, 0, "plain")
	s.end(tx, kgo.TryAbort)
	s.begin(other)
	s.write(other, 0, "open")
	s.write(s.plain, 0, "behind")
	t.Cleanup(func() { _ = other.EndTransaction(s.ctx, kgo.TryAbort) })
	return s
}

func TestCatLeavesOutWhatIsNotCommitted(t *testing.T) {
	s := stagedTransactions(t)
	values, report := s.cat(inspect.Options{Patience: time.Millisecond})
	equal(t, values, []string{`"committed"`, `"plain"`})
	equal(t, report.Open, []inspect.OpenEnd{{Partition: 0, Next: 5, End: 7}})
}

func TestCatMarksWhatIsNotCommitted(t *testing.T) {
	s := stagedTransactions(t)
	values, report := s.cat(inspect.Options{Uncommitted: true})
	equal(t, values, []string{`"committed"`, `"aborted"aborted`, `"plain"`, `"open"undecided`, `"behind"`})
	equal(t, len(report.Open), 0)
}

// A transaction that ends in time is waited for, and its records are shown.
func TestCatWaitsForATransaction(t *testing.T) {
	s := newStage(t, 1)
	tx := s.client(kgo.TransactionalID("x"))
	s.begin(tx)
	s.write(tx, 0, "late")
	ended := make(chan error, 1)
	go func() { // the reading may begin before or after
		ended <- tx.EndTransaction(s.ctx, kgo.TryCommit)
	}()
	values, _ := s.cat(inspect.Options{Patience: time.Minute})
	equal(t, values, []string{`"late"`})
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Each option leaves out what it says, of two partitions whose records alternate.
func TestCatBounds(t *testing.T) {
	s := newStage(t, 2)
	var times []time.Time // of 0, 1, …
	for i, value := range []string{"0", "1", "2", "3", "4", "5"} {
		at := s.now()
		times = append(times, at)
		s.produce(s.plain, &kgo.Record{Partition: int32(i % 2), Timestamp: at, Value: []byte(value)})
	}
	key := "k"
	for name, test := range map[string]struct {
		options inspect.Options
		want    string
	}{
		"all, in order of time": {inspect.Options{}, "0 1 2 3 4 5"},
		"a partition":           {inspect.Options{Partitions: []int32{1, 1}}, "1 3 5"},
		"from":                  {inspect.Options{From: offset(1)}, "2 3 4 5"},
		"to":                    {inspect.Options{To: offset(1)}, "0 1"},
		"from and to":           {inspect.Options{From: offset(1), To: offset(2)}, "2 3"},
		"beyond the end":        {inspect.Options{From: offset(9)}, ""},
		"nothing":               {inspect.Options{From: offset(2), To: offset(2)}, ""},
		"since":                 {inspect.Options{Filter: inspect.Filter{Since: times[3]}}, "3 4 5"},
		"since a bit later":     {inspect.Options{Filter: inspect.Filter{Since: times[3].Add(1)}}, "4 5"},
		"until":                 {inspect.Options{Filter: inspect.Filter{Until: times[3]}}, "0 1 2"},
		"until a bit later":     {inspect.Options{Filter: inspect.Filter{Until: times[3].Add(1)}}, "0 1 2 3"},
		"since the future":      {inspect.Options{Filter: inspect.Filter{Since: times[5].Add(1)}}, ""},
		"the last of each":      {inspect.Options{Tail: 1}, "4 5"},
		"the last two, to 2":    {inspect.Options{Tail: 2, To: offset(2)}, "0 1 2 3"},
		"the last hundred":      {inspect.Options{Tail: 100}, "0 1 2 3 4 5"},
		"a limit":               {inspect.Options{Limit: 3}, "0 1 2"},
		"another key":           {inspect.Options{Filter: inspect.Filter{Key: &key}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			values, report := s.cat(test.options)
			equal(t, strings.Join(values, " "), test.want)
			equal(t, report.Shown, int64(len(values)))
		})
	}
}

// The last records are found behind markers and aborted records.
func TestCatTailLooksBack(t *testing.T) {
	s := newStage(t, 1)
	s.write(s.plain, 0, "1", "2", "3")
	tx := s.client(kgo.TransactionalID("x"))
	for range 10 {
		s.begin(tx)
		s.write(tx, 0, "aborted", "too")
		s.end(tx, kgo.TryAbort)
	}
	values, _ := s.cat(inspect.Options{Tail: 2})
	equal(t, values, []string{"2", "3"})
}

// With a key, only the partition is read where the default partitioner places it, if that is asked for.
func TestCatKeyPartition(t *testing.T) {
	s := newStage(t, 3)
	key, home := "alice", kafka.Partition([]byte("alice"), 3)
	away := (home + 1) % 3
	s.produce(s.plain, &kgo.Record{Partition: home, Key: []byte(key), Value: []byte("1")})
	s.produce(s.plain, &kgo.Record{Partition: away, Key: []byte(key), Value: []byte("2")})
	o := inspect.Options{Filter: inspect.Filter{Key: &key}}
	values, _ := s.cat(o)
	equal(t, values, []string{"1", "2"})
	o.KeyPartition = true
	values, report := s.cat(o)
	equal(t, values, []string{"1"})
	equal(t, report.Partitions, []int32{home})
}

// Records for which the expression has no answer are counted, and the first is named.
func TestCatWhere(t *testing.T) {
	s := newStage(t, 2)
	s.write(s.plain, 1, `{"n": 1}`, `{"m": 2}`, `{"n": 3}`)
	s.write(s.plain, 0, "[]", s.sold(3))
	where, err := inspect.NewWhere(`has(value.price) || value.n > 2`)
	if err != nil {
		t.Fatal(err)
	}
	values, report := s.cat(inspect.Options{Filter: inspect.Filter{Where: where}})
	equal(t, values, []string{`{"n":3}`, `{"price":3}`})
	equal(t, report.Failed, int64(2))
	equal(t, [2]int64{int64(report.FirstFailure.Partition), report.FirstFailure.Offset}, [2]int64{0, 0})
}

// Following shows what was there, then what comes, until the context ends.
func TestCatFollows(t *testing.T) {
	s := newStage(t, 2)
	s.write(s.plain, 0, "1")
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	shown := make(chan string)
	ended := make(chan error, 1)
	go func() {
		_, err := inspect.Cat(ctx, s.options(inspect.Options{Follow: true}), func(r *inspect.Record) error {
			shown <- string(r.Value)
			return nil
		})
		ended <- err
	}()
	equal(t, <-shown, "1")
	s.write(s.plain, 1, "2")
	equal(t, <-shown, "2")
	tx := s.client(kgo.TransactionalID("x"))
	s.begin(tx)
	s.write(tx, 0, "aborted")
	s.end(tx, kgo.TryAbort)
	s.write(s.plain, 0, "3")
	equal(t, <-shown, "3")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Following does not wait for an open transaction of one partition before it shows records of another.
func TestCatFollowsBesideAnOpenTransaction(t *testing.T) {
	s := newStage(t, 2)
	tx := s.client(kgo.TransactionalID("x"))
	s.begin(tx)
	s.write(tx, 0, "late")
	s.write(s.plain, 1, "1")
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var values []string
	o := s.options(inspect.Options{Follow: true, Patience: time.Hour, Limit: 2})
	_, err := inspect.Cat(ctx, o, func(r *inspect.Record) error {
		if values = append(values, string(r.Value)); len(values) == 1 {
			return tx.EndTransaction(s.ctx, kgo.TryCommit)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, values, []string{"1", `"late"`})
}

// Given a partition that may not be read, the others are shown, and the error names it.
func TestCatGoesOnWithOtherPartitions(t *testing.T) {
	for name, o := range map[string]inspect.Options{"all": {}, "the last": {Tail: 5}} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, 2)
			s.write(s.plain, 0, "0")
			s.write(s.plain, 1, "1")
			s.refuse(0)
			var values []string
			_, err := inspect.Cat(s.ctx, s.options(o), func(r *inspect.Record) error {
				values = append(values, string(r.Value))
				return nil
			})
			equal(t, values, []string{"1"})
			refused := errors.Is(err, kerr.TopicAuthorizationFailed)
			if !refused || !strings.Contains(err.Error(), "partition 0") {
				t.Error(err)
			}
		})
	}
}

func TestCatFails(t *testing.T) {
	s := newStage(t, 1)
	s.write(s.plain, 0, "1")
	nothing := func(*inspect.Record) error { return nil }
	o := s.options(inspect.Options{})
	o.Topic = "none"
	if _, err := inspect.Cat(s.ctx, o, nothing); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Error(err)
	}
	_, err := inspect.Cat(s.ctx, s.options(inspect.Options{Partitions: []int32{1}}), nothing)
	if err == nil || !strings.Contains(err.Error(), "has no partition 1; it has 0 to 0") {
		t.Error(err)
	}
	want := errors.New("closed pipe")
	fails := func(*inspect.Record) error { return want }
	report, err := inspect.Cat(s.ctx, s.options(inspect.Options{}), fails)
	if !errors.Is(err, want) || report.Shown != 0 {
		t.Error(report, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if _, err := inspect.Cat(ctx, s.options(inspect.Options{}), nothing); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// All mistakes in the options are named at once.
func TestOptionsThatCannotBe(t *testing.T) {
	at := time.UnixMilli(5)
	o := inspect.Options{
		Tail: -1, Limit: -1, Patience: -1, From: offset(3), To: offset(2), Follow: true, KeyPartition: true,
		Filter: inspect.Filter{Since: at, Until: at.Add(-1)},
	}
	err := o.Check()
	if err == nil {
		t.Fatal("no error")
	}
	equal(t, len(strings.Split(err.Error(), "\n")), 8)
}
