package inventory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is an embedded cluster, and catalogs of the topics "events" and "table" on it.
type site struct {
	t       *testing.T
	cluster *local.Cluster
	client  *kgo.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &site{t, cluster, client}
}

func spec(name string) kafka.TopicSpec {
	return kafka.TopicSpec{Name: name, Partitions: 2, ReplicationFactor: 1}
}

// catalog is that of a worker, which may make topics.
func (s *site) catalog(by string) *Catalog {
	records := spec(TopicName(""))
	records.Partitions = 1
	return NewCatalog(Options{
		Kafka: kafka.Settings{Brokers: s.cluster.Brokers()}, Records: records,
		Topics: []kafka.TopicSpec{spec("events"), spec("table")}, Create: true, Version: "1", By: by,
	})
}

func (s *site) remove(topics ...string) {
	s.t.Helper()
	responses, err := kadm.NewClient(s.client).DeleteTopics(s.t.Context(), topics...)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) create(topic string) {
	s.t.Helper()
	if _, err := kadm.NewClient(s.client).CreateTopic(s.t.Context(), 2, 1, nil, topic); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) ids() map[string]kadm.TopicID {
	s.t.Helper()
	ids, err := kafka.TopicIDs(s.t.Context(), s.client, "events", "table")
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// settle settles, and returns the topics that are found to be lost, each with what is there instead.
func (s *site) settle(c *Catalog) map[string]string {
	s.t.Helper()
	_, findings, err := c.Settle(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.lost(findings)
}

func (s *site) lost(findings []error) map[string]string {
	s.t.Helper()
	lost := map[string]string{}
	for _, found := range findings {
		var l *LostError
		if !errors.As(found, &l) || !errors.Is(found, ErrLost) {
			s.t.Errorf("found %v", found)
			continue
		}
		if !strings.Contains(found.Error(), "docs/runbooks/lost-topic.md") {
			s.t.Errorf("it names no runbook: %v", found)
		}
		lost[l.Known.Topic] = l.Present
	}
	return lost
}

// are checks which topics are lost.
func (s *site) are(got map[string]string, want ...string) {
	s.t.Helper()
	for _, topic := range want {
		if _, is := got[topic]; !is {
			s.t.Errorf("%s is not said to be lost", topic)
		}
	}
	if len(got) != len(want) {
		s.t.Errorf("lost are %v, not %v", got, want)
	}
}

// Any number of workers start at the same moment on an empty cluster, and all know the same topics.
func TestAllStartAtOnce(t *testing.T) {
	s := newSite(t)
	catalogs := make([]*Catalog, 8)
	var work sync.WaitGroup
	for n := range catalogs {
		catalogs[n] = s.catalog("worker")
		work.Go(func() {
			if _, findings, err := catalogs[n].Settle(t.Context()); err != nil || len(findings) > 0 {
				t.Errorf("%v, %v", findings, err)
			}
		})
	}
	work.Wait()
	for topic, id := range s.ids() {
		for _, c := range catalogs {
			if got := c.Known()[topic].ID; got != text(id) {
				t.Errorf("%s is known as %q, and is %q", topic, got, text(id))
			}
		}
	}
}

// doc.go: a worker has read that the installation knows nothing, stands still while another works and the
// topic is deleted, and goes on. What it makes is not taken for the installation's, by anybody.
func TestOneStandsStill(t *testing.T) {
	s := newSite(t)
	slow, other := s.catalog("slow"), s.catalog("other")
	s.create(TopicName(""))
	if err := slow.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.are(s.settle(other))
	s.remove("table")
	for _, step := range []func(context.Context, *kgo.Client) error{slow.make, slow.record} {
		if err := step(t.Context(), s.client); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*Catalog{slow, other, s.catalog("new")} {
		lost := s.settle(c)
		s.are(lost, "table")
		if lost["table"] == "" {
			t.Error("it was not made")
		}
	}
}

// A topic that was deleted is not made again, whoever starts, and one that was made by hand is not taken
// for it, until somebody accepts it.
func TestLostTopics(t *testing.T) {
	s := newSite(t)
	c := s.catalog("first")
	s.are(s.settle(c))
	s.remove("table")
	if err := c.Check(t.Context(), "events"); err != nil {
		t.Errorf("of the other: %v", err)
	}
	if err := c.Check(t.Context(), "events", "table"); !errors.Is(err, ErrLost) {
		t.Errorf("got %v", err)
	}
	for _, c := range []*Catalog{c, s.catalog("second")} {
		s.are(s.settle(c), "table")
	}
	if _, is := s.ids()["table"]; is {
		t.Fatal("the topic was made")
	}
	s.create("table")
	s.are(s.settle(s.catalog("third")), "table")
	accepted, err := s.catalog("a person").Accept(t.Context(), "by mistake", "table", "events")
	if err != nil || len(accepted) != 1 || accepted[0].Note != "by mistake" {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
	s.are(s.settle(c))
	if by := c.Known()["table"].By; by != "a person" {
		t.Errorf("it was accepted by %q", by)
	}
}

// That a topic is lost for good is accepted, too: it is made again, once.
func TestNoneIsAccepted(t *testing.T) {
	s := newSite(t)
	c := s.catalog("first")
	s.are(s.settle(c))
	s.remove("events")
	accepted, err := c.Accept(t.Context(), "", "events")
	if err != nil || len(accepted) != 1 || accepted[0].ID != "" {
		t.Errorf("accepted %+v, %v", accepted, err)
	}
	differences, findings, err := c.Plan(t.Context())
	if err != nil || len(findings) != 0 || len(differences) != 1 || !differences[0].Missing() {
		t.Errorf("the plan is %v, %v, %v", differences, findings, err)
	}
	s.are(s.settle(c))
	s.remove("events")
	s.are(s.settle(c), "events")
	_, err = c.Accept(t.Context(), "", "evnts")
	if err == nil || !strings.Contains(err.Error(), "no topic evnts") {
		t.Errorf("got %v", err)
	}
}

// Two people accept at the same moment: one is told.
func TestTwoAccept(t *testing.T) {
	s := newSite(t)
	c := s.catalog("first")
	s.are(s.settle(c))
	s.remove("table")
	slow := s.catalog("slow")
	if err := slow.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	stale := slow.instead("table", nil)
	if _, err := c.Accept(t.Context(), "", "table"); err != nil {
		t.Fatal(err)
	}
	s.are(s.settle(c)) // made
	if err := slow.write(t.Context(), s.client, []Record{stale}); err != nil {
		t.Fatal(err)
	}
	if now := slow.of("table").ID; now != text(s.ids()["table"]) {
		t.Errorf("the one who was late counts: %q", now)
	}
}

// An installation that is older than its records, or has lost them, knows the topics that are there.
func TestRecordsAreLost(t *testing.T) {
	s := newSite(t)
	s.create("events")
	c := s.catalog("first")
	s.are(s.settle(c))
	before := s.ids()
	s.remove(TopicName(""))
	s.are(s.settle(s.catalog("second")))
	for topic, id := range s.ids() {
		if before[topic] != id {
			t.Errorf("%s was made anew", topic)
		}
	}
}

// A worker that may make no topics says which are missing, and makes none.
func TestNothingMayBeMade(t *testing.T) {
	s := newSite(t)
	c := s.catalog("worker")
	c.Create = false
	var missing *MissingError
	if _, _, err := c.Settle(t.Context()); !errors.As(err, &missing) || missing.Topic != TopicName("") {
		t.Errorf("got %v", err)
	}
	s.create(TopicName(""))
	s.create("events")
	_, findings, err := c.Settle(t.Context())
	if err != nil || len(findings) != 1 || !errors.As(findings[0], &missing) || missing.Topic != "table" {
		t.Errorf("got %v, %v", findings, err)
	}
	if ids := s.ids(); len(ids) != 1 || c.Known()["events"].ID != text(ids["events"]) {
		t.Errorf("there are %v, known is %+v", ids, c.Known())
	}
}

// What a record says counts in the order of the records, and a record that says nonsense changes nothing.
func TestRecords(t *testing.T) {
	c := make(known)
	for _, step := range []struct {
		value string
		want  string // the ID that is known then
		fails bool
	}{
		{`{"topicId": "one"}`, "one", false},
		{`{"topicId": "two"}`, "one", true},
		{`{"topicId": "two", "insteadOf": "other"}`, "one", true},
		{`{"topicId": 5}`, "one", true},
		{``, "one", true},
		{`{"topicId": "two", "insteadOf": "one"}`, "two", false},
		{`{"topicId": "", "insteadOf": "two"}`, "", false},
		{`{"topicId": "three"}`, "three", false},
	} {
		if err := c.apply([]byte("table"), []byte(step.value)); (err != nil) != step.fails {
			t.Errorf("%s: %v", step.value, err)
		}
		if got := c["table"].ID; got != step.want {
			t.Errorf("after %s it is %q, not %q", step.value, got, step.want)
		}
	}
}

// Whatever is in the topic, reading it goes on.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("table"), []byte(`{"topicId": "one", "insteadOf": "", "time": "2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		c := known{"table": {Topic: "table", ID: "one"}}
		if err := c.apply(key, value); err != nil && len(c) != 1 {
			t.Errorf("it changed something: %v", c)
		}
	})
}
