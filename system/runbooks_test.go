//go:build system

package system_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/system/runbook"
)

const (
	runbooks    = "../docs/runbooks"
	openAccount = `{"type": "OpenAccount", "data": {"owner": "Alice", "currency": "EUR"}}`
	deposit     = `{"type": "DepositMoney", "data": {"amount": 500, "currency": "EUR"}}`
)

// TestRunbooks does what each page tells a reader to do, in the situation that the page is for.
func TestRunbooks(t *testing.T) {
	pages, err := filepath.Glob(runbooks + "/*.md")
	if err != nil || len(pages) < len(situations) {
		t.Fatalf("%d pages, %d situations, %v", len(pages), len(situations), err)
	}
	for _, file := range pages {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		if name == "README" { // an index: nothing to do
			continue
		}
		t.Run(name, func(t *testing.T) {
			prepare := situations[name]
			if prepare == nil {
				t.Fatalf("no situation is known for %s", file)
			}
			page, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			prefix := name + "."
			switch name {
			case "stuck-transaction": // whose reader types the name of a topic
				prefix = ""
			case "lost-topic": // messages name the page, whose name would be taken out of them as a prefix
				prefix = "gone."
			}
			s := newScene(t, prefix)
			prepare(s)
			if err := s.play(file, string(page)); err != nil {
				t.Error(err)
			}
		})
	}
}

// scene is an installation in which a page's situation has come about: pod a, and for some b.
type scene struct {
	*installation
	a, b   *worker
	deeds  map[string]func()
	bin    string // has the program that a reader calls
	client *kgo.Client
}

func newScene(t *testing.T, prefix string) *scene {
	t.Helper()
	s := &scene{
		installation: install(t, startCluster(t, 2), prefix),
		deeds:        make(map[string]func()), bin: t.TempDir(),
	}
	var err error
	s.client, err = kgo.NewClient(kgo.SeedBrokers(s.cluster.brokers()...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	s.call(s.installation)
	s.run(0, "topics", "apply")
	s.run(0, "schemas", "register")
	s.a, s.b = s.worker("a"), s.worker("b")
	s.deeds["stop the workers"] = func() { s.each((*worker).stop) }
	s.deeds["start the workers"] = func() {
		s.each((*worker).start)
		s.each(func(w *worker) { w.isReady() })
	}
	return s
}

// each does something to all workers that were started.
func (s *scene) each(do func(*worker)) {
	for _, w := range []*worker{s.a, s.b} {
		if w.process != nil {
			do(w)
		}
	}
}

// call has a reader call the program of an installation from now on.
func (s *scene) call(i *installation) {
	s.t.Helper()
	name := filepath.Join(s.bin, "processor")
	_ = os.Remove(name) // there is none at first
	if err := os.Symlink(i.program, name); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) play(file, page string) error {
	shown := runbook.Scene{
		Dir: s.t.TempDir(), Hidden: []string{s.prefix}, Deeds: s.deeds,
		Env: append(s.env, "PATH="+s.bin+":"+os.Getenv("PATH"), "POD="+s.a.url, "OTHER_POD="+s.b.url),
	}
	return shown.Run(s.t.Context(), strings.TrimPrefix(file, "../"), page)
}

// starts starts pod a, and waits until it is ready.
func (s *scene) starts() *scene {
	s.t.Helper()
	s.a.start()
	s.a.isReady()
	return s
}

// has opens accounts, with an event more each than the one before.
func (s *scene) has(names ...string) *scene {
	s.t.Helper()
	for n, name := range names {
		s.accepted(name, openAccount)
		for range n {
			s.accepted(name, deposit)
		}
	}
	return s
}

func (s *scene) accepted(account, command string) {
	s.t.Helper()
	s.a.expect(http.StatusOK, []string{"accepted"}, http.MethodPost, "/accounts/"+account+"/commands",
		command, "Prefer: wait=20")
}

// partitionOf is where an account's records are.
func partitionOf(account string) int32 { return kafka.Partition([]byte(account), 4) }

// record is one of an account, past the API.
func (s *scene) record(topic, account string, value []byte) *kgo.Record {
	return &kgo.Record{
		Topic: s.prefix + topic, Partition: partitionOf(account), Key: []byte(account), Value: value,
	}
}

func (s *scene) write(records ...*kgo.Record) {
	s.t.Helper()
	if err := s.client.ProduceSync(s.t.Context(), records...).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// records are the committed records of a topic, partition by partition.
func (s *scene) records(topic string) (all []*kgo.Record) {
	s.t.Helper()
	options, err := kafka.Settings{Brokers: s.cluster.brokers()}.Options()
	if err != nil {
		s.t.Fatal(err)
	}
	for partition := range int32(4) {
		_, err := kafka.ReadPartition(s.t.Context(), options,
			kafka.Range{Topic: s.prefix + topic, Partition: partition, From: kafka.FromStart},
			func(records []*kgo.Record, _ kafka.Progress) error {
				all = append(all, records...)
				return nil
			})
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return all
}

// last is the last record of an account in a topic.
func (s *scene) last(topic, account string) (last *kgo.Record) {
	s.t.Helper()
	for _, r := range s.records(topic) {
		if string(r.Key) == account {
			last = r
		}
	}
	if last == nil {
		s.t.Fatalf("%s has no %s", topic, account)
	}
	return last
}

// spoil makes rows wrong while no worker runs: bob's is gone, and carol's is alice's. That one is behind its
// events, so that its partition is held until it is mended.
func (s *scene) spoil() {
	s.t.Helper()
	s.a.stop()
	s.write(s.record("accounts-table", "bob", nil),
		s.record("accounts-table", "carol", s.last("accounts-table", "alice").Value))
	s.a.start()
	eventually(s.t, time.Minute, func(ctx context.Context) error {
		return s.a.says(ctx, http.StatusServiceUnavailable, "the last rows were lost")
	})
	eventually(s.t, time.Minute, func(ctx context.Context) error { // to be asked
		return s.a.says(ctx, http.StatusServiceUnavailable, `"name":"views","ready":true`)
	})
}
