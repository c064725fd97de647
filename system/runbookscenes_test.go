//go:build system

package system_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// situations are what the runbooks are for, by the page's name.
var situations = map[string]func(*scene){
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
	"poison": poison,
	"rebuild": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.spoil()
	},
	"reset-offline": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.deeds["stop the workers"] = func() {
			s.a.stop()
			s.forget()
		}
	},
	"verify": func(s *scene) {
		s.starts().has("alice", "bob", "carol")
		s.spoil()
	},
	"views": func(s *scene) { s.starts().has("alice", "bob", "carol") },
}

// poison is a command in a partition that is not its key's, and garbage; later much more of it.
func poison(s *scene) {
	s.starts().has("alice", "bob")
	astray := s.record("account-commands", "dora", nil)
	opened := s.records("account-commands")[0]
	astray.Value = opened.Value
	for _, h := range opened.Headers {
		if h.Key == "ce_id" {
			h.Value = []byte("dora-opens")
		}
		astray.Headers = append(astray.Headers, kgo.RecordHeader{
			Key: h.Key, Value: bytes.ReplaceAll(h.Value, opened.Key, astray.Key),
		})
	}
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

// forget loses the table and the group's offsets, while no worker runs.
func (s *scene) forget() {
	for _, r := range s.records("accounts-table") {
		s.write(&kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key})
	}
	if _, err := kadm.NewClient(s.client).DeleteGroup(s.t.Context(), s.prefix+"accounts"); err != nil {
		s.t.Error(err)
	}
}
