package audittrail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"refold/audittrail"
	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTrail(t *testing.T) (*audittrail.Trail, *local.Cluster) {
	t.Helper()
	cluster, err := local.Start(local.Options{
		Topics: []kafka.TopicSpec{{Name: "audit-trail", Partitions: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	options, err := kafka.Settings{Brokers: cluster.Brokers()}.Options()
	if err != nil {
		t.Fatal(err)
	}
	trail := audittrail.New(audittrail.Options{
		Kafka: options, Topic: audittrail.TopicName(""), At: "worker-1",
		Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
	})
	t.Cleanup(func() {
		trail.Close()
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return trail, cluster
}

// read returns records as texts: "4 alice rebuild done".
func read(t *testing.T, trail *audittrail.Trail, q audittrail.Query) (texts []string, next int64) {
	t.Helper()
	page, err := trail.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Records {
		texts = append(texts, fmt.Sprintf("%d %s %s %s", r.Sequence, r.Who, r.What, r.Stage))
	}
	return texts, page.Next
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestTrail(t *testing.T) {
	trail, _ := newTrail(t)
	got, _ := read(t, trail, audittrail.Query{})
	same(t, "nothing", got, nil)

	ctx := t.Context()
	asked := audittrail.Record{
		Who: "alice", From: audittrail.Console, What: "rebuild", On: "accounts",
		Parameters: map[string]string{"dryRun": "true"},
	}
	begun := ""
	err := trail.Do(ctx, asked, func() error {
		got, _ := read(t, trail, audittrail.Query{})
		begun = strings.Join(got, "; ")
		return nil
	})
	if err != nil || begun != "1 alice rebuild begun" {
		t.Fatalf("the error is %v; while it was done the trail was %q", err, begun)
	}
	away := errors.New("the broker is away")
	err = trail.Do(ctx, audittrail.Record{Who: "bob", What: "discard"}, func() error { return away })
	if !errors.Is(err, away) {
		t.Errorf("the error is %v", err)
	}
	if _, err := trail.Begin(ctx, audittrail.Record{Who: "carol", What: "reset", On: "orders"}); err != nil {
		t.Fatal(err)
	}
	got, next := read(t, trail, audittrail.Query{})
	same(t, "all", got, []string{"5 carol reset begun", "4 bob discard failed", "2 alice rebuild done"})
	if next != 0 {
		t.Errorf("it goes on before %d", next)
	}
	got, _ = read(t, trail, audittrail.Query{Who: "ALI"})
	same(t, "by whom", got, []string{"2 alice rebuild done"})
	got, _ = read(t, trail, audittrail.Query{What: "order"})
	same(t, "on what", got, []string{"5 carol reset begun"})
	got, next = read(t, trail, audittrail.Query{Limit: 1})
	same(t, "the first page", got, []string{"5 carol reset begun"})
	got, _ = read(t, trail, audittrail.Query{Limit: 1, Before: next})
	same(t, "the next page", got, []string{"4 bob discard failed"})
	got, _ = read(t, trail, audittrail.Query{Before: 2})
	same(t, "begun before the page, ended behind it", got, nil)

	page, err := trail.Read(ctx, audittrail.Query{Who: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	r := page.Records[0]
	if r.Outcome != away.Error() || r.At != "worker-1" || r.ID == "" || r.Time.Year() != 2026 {
		t.Errorf("the record is %+v", r)
	}
}

func TestManyRecordsHavePages(t *testing.T) {
	trail, _ := newTrail(t)
	for i := range 700 {
		asked := audittrail.Record{Who: "alice", What: fmt.Sprint("n", i)}
		if _, err := trail.Begin(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
	}
	seen, before := 0, int64(0)
	for {
		texts, next := read(t, trail, audittrail.Query{Before: before, Limit: 300})
		for _, text := range texts {
			if want := fmt.Sprintf("%d alice n%d begun", 700-seen, 699-seen); text != want {
				t.Fatalf("got %q, want %q", text, want)
			}
			seen++
		}
		if before = next; next == 0 {
			break
		}
	}
	if seen != 700 {
		t.Errorf("%d records were read", seen)
	}
	texts, _ := read(t, trail, audittrail.Query{What: "n3", Limit: 2000})
	if len(texts) != 111 {
		t.Errorf("%d records have n3, want 111", len(texts))
	}
}

func TestNothingIsDoneWithoutARecord(t *testing.T) {
	trail, _ := newTrail(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done := false
	err := trail.Do(ctx, audittrail.Record{Who: "alice", What: "reset"}, func() error {
		done = true
		return nil
	})
	if !errors.Is(err, audittrail.ErrUnwritten) || done {
		t.Errorf("done: %v; the error is %v", done, err)
	}
}

func TestTextsOfARecordAreLimited(t *testing.T) {
	trail, _ := newTrail(t)
	long := strings.Repeat("ä", 4000) + "\xff"
	many := map[string]string{}
	for i := range 100 {
		many[fmt.Sprint("p", i)] = long
	}
	r := audittrail.Record{Who: long, What: long, On: long, Path: long, Parameters: many}
	if _, err := trail.Begin(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	page, err := trail.Read(t.Context(), audittrail.Query{})
	if err != nil {
		t.Fatal(err)
	}
	r = page.Records[0]
	if len(r.Who) > 512 || len(r.Parameters) != 32 || r.Path != "" || len(r.Parameters["p10"]) > 512 {
		t.Errorf("the record has %d, %d and %d bytes", len(r.Who), len(r.Parameters), len(r.Path))
	}
}
