//go:build system

package system_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// situations are what the runbooks are for, by the page's name.
var situations = map[string]func(*scene){
	"changed-fold": func(s *scene) {
		buggy, mended := s.release("buggy", wrong), s.release("mended", raised)
		s.a.installation, s.b.installation = buggy, buggy
		s.starts().has("alice", "bob", "carol")
		s.b.start()
		s.b.isReady()
		s.deeds["have the new release at hand"] = func() { s.call(mended) }
		s.deeds["roll the first worker"] = func() { s.a.rollsTo(mended) }
		s.deeds["roll the second worker"] = func() { s.b.rollsTo(mended) }
	},
	"lost-local-disk": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.deeds["the disk is lost"] = func() {
			s.a.kill()
			if err := os.RemoveAll(s.a.dir); err != nil {
				s.t.Error(err)
			}
		}
		s.deeds["start the worker with an empty disk"] = func() { s.a.start() }
	},
	"lost-topic": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.deeds["the table is deleted"] = func() {
			topic := s.prefix + "accounts-table"
			if _, err := kadm.NewClient(s.client).DeleteTopic(s.t.Context(), topic); err != nil {
				s.t.Fatal(err)
			}
			eventually(s.t, time.Minute, func(ctx context.Context) error {
				return s.a.says(ctx, http.StatusServiceUnavailable, topic+" is lost")
			})
		}
	},
	"poison": poison,
	"rebuild": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.spoil()
	},
	"reset-offline": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.deeds["stop the workers"] = func() {
			s.a.stop()
			s.write(s.opening("dora")) // and nobody handles it
			s.forget()
		}
	},
	"verify": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.spoil()
	},
	"restore-from-backup": func(s *scene) {
		lost := newScene(s.t, "lost.")
		file := lost.readsInSQLite()
		lost.starts().has("alice", "bob", "carol")
		lost.untilLive("accounts_current")
		lost.run(0, "project", "wait", "accounts_current", "account/carol@3")
		lost.a.stop()
		lost.leavesReadModelsTo(s, file)
		s.deeds["restore the events"] = func() {
			for _, r := range lost.records("account-events") {
				r.Topic = s.prefix + "account-events"
				s.write(&kgo.Record{
					Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers,
					Timestamp: r.Timestamp,
				})
			}
		}
		s.deeds["start the workers"] = func() {
			s.a.start()
			eventually(s.t, time.Minute, func(ctx context.Context) error {
				return s.a.says(ctx, http.StatusServiceUnavailable, "does not have offset")
			})
		}
	},
	"rolling-upgrade": func(s *scene) {
		next := s.release("next")
		s.starts().has("alice", "bob")
		s.b.start()
		s.b.isReady()
		s.deeds["have the new release at hand"] = func() { s.call(next) }
		s.deeds["roll the first worker"] = func() { s.a.rollsTo(next) }
		s.deeds["roll the second worker"] = func() { s.b.rollsTo(next) }
	},
	"former-versions": formerVersions,
	"scale": func(s *scene) {
		s.starts().has("alice", "bob")
		s.deeds["start another worker"] = func() {
			s.b.start()
			s.b.isReady()
		}
		s.deeds["stop the other worker"] = func() { s.b.stop() }
	},
	"stalled": func(s *scene) {
		for _, w := range []*worker{s.a, s.b} {
			slowly := *w.installation
			slowly.env = append(slices.Clone(slowly.env), "REFOLD_PROCESSOR_STALL_AFTER=2s")
			w.installation = &slowly
		}
		s.starts().has("alice", "bob")
		s.begin("billing")
		s.run(4, "send", "account", "alice", "DepositMoney", `{"amount": 500, "currency": "EUR"}`,
			"--id", "waits", "--wait", "1s", "--server", s.a.url)
		eventually(s.t, time.Minute, func(ctx context.Context) error {
			return s.a.says(ctx, http.StatusServiceUnavailable, "offsets are waiting")
		})
	},
	"stuck-transaction": func(s *scene) {
		s.starts().has("alice", "bob")
		s.begin("billing")
		s.hang("bob")
		eventually(s.t, time.Minute, func(context.Context) error {
			open := s.run(0, "transactions", "list", "--older-than", "1s")
			if !strings.Contains(open, "billing") || !strings.Contains(open, "never") {
				return errors.New(open)
			}
			return nil
		})
	},
	"owners": func(s *scene) {
		s.starts().has("alice", "bob")
		s.b.start()
		s.b.isReady()
		eventually(s.t, time.Minute, func(context.Context) error {
			known := s.run(0, "owners", "--server", s.a.url)
			if strings.Contains(known, "nobody") || !strings.Contains(known, "elsewhere") {
				return errors.New(known)
			}
			return nil
		})
	},
	"views":       func(s *scene) { s.starts().has("alice", "bob", "carol") },
	"read-models": readModelsScene,
}

// poison is a command in a partition that is not its key's, and garbage; later much more of it.
func poison(s *scene) {
	s.starts().has("alice", "bob")
	astray := s.opening("dora")
	astray.Partition = (astray.Partition + 1) % 4
	s.write(astray)
	s.write(s.record("account-commands", "alice", []byte("hello")))
	s.accepted("alice", deposit) // so the garbage before it is dealt with
	contains(s.t, s.run(0, "dead-letters", "list", "--summary"), "2  in all")
	s.deeds["a producer writes garbage"] = func() {
		for range 40 {
			s.write(s.record("account-commands", "alice", []byte("garbage")))
		}
		eventually(s.t, time.Minute, func(ctx context.Context) error {
			return s.a.says(ctx, http.StatusServiceUnavailable, "is held")
		})
	}
	s.deeds["start the worker with processor.poison-share: 0"] = func() {
		s.a.stop()
		env := s.a.env
		s.a.env = slices.Concat(env, []string{"REFOLD_PROCESSOR_POISON_SHARE=0"})
		s.starts()
		s.a.env = env
		s.accepted("alice", deposit)
	}
}

// opening is a command that opens an account, past the API.
func (s *scene) opening(account string) *kgo.Record {
	opened := s.records("account-commands")[0]
	r := s.record("account-commands", account, opened.Value)
	for _, h := range opened.Headers {
		if h.Key == "ce_id" {
			h.Value = []byte(account + "-opens")
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{
			Key: h.Key, Value: bytes.ReplaceAll(h.Value, opened.Key, r.Key),
		})
	}
	return r
}

// begin begins a transaction with a command for alice, as a producer does that dies then. The broker would
// wait for it as long as it may.
func (s *scene) begin(id string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.cluster.brokers()...), kgo.TransactionalID(id),
		kgo.TransactionTimeout(15*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		s.t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		s.t.Fatal(err)
	}
	r := s.record("account-commands", "alice", []byte("half of something"))
	if err := client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
}

// rollsTo replaces a worker's program as a rolling deployment does.
func (w *worker) rollsTo(i *installation) {
	w.stop()
	w.installation = i
	w.start()
	w.isReady()
}

// forget loses the table and the group's offsets, while no worker runs.
func (s *scene) forget() {
	for _, r := range s.records("accounts-table") {
		s.write(&kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key})
	}
	if _, err := kadm.NewClient(s.client).DeleteGroup(s.t.Context(), s.prefix+"accounts"); err != nil {
		s.t.Error(err)
	}
}
