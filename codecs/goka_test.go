package codecs_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
)

func TestCodecTurnsPoisonIntoAValue(t *testing.T) {
	codec := set(t, client(t, server(t).URL()), bankTypes()...).Codec()
	b, err := codec.Encode(deposited())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := codec.Decode(b); err != nil || v != deposited() {
		t.Errorf("got %v, %v", v, err)
	}
	for _, b := range [][]byte{nil, {}, []byte("garbage"), wire(999), b[:7]} {
		v, err := codec.Decode(b)
		if poison, is := v.(*codecs.Malformed); err != nil || !is || !bytes.Equal(poison.Bytes, b) {
			t.Errorf("%x decodes to %v, %v, want a *Malformed", b, v, err)
		}
	}
	if _, err := codec.Encode("text"); err == nil {
		t.Error("a string is encoded")
	}
}

// away makes a registry answer 503 for the first n requests from now on.
func away(s *srfake.Registry, n int64) *atomic.Int64 {
	var asked atomic.Int64
	s.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if asked.Add(1) > n {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	return &asked
}

func patient(s *codecs.RegistrySettings) { s.RetryLimit = time.Minute }

func TestCodecWaitsForTheRegistry(t *testing.T) {
	s := server(t)
	codec := set(t, client(t, s.URL(), patient), bankTypes()...).Codec()
	id := register(t, s, "bank.Closed", `{"type": "record", "name": "Closed", "namespace": "bank",
		"fields": [{"name": "gone", "type": "long"}, {"name": "reason", "type": "string"}]}`)
	away(s, 2)
	if v, err := codec.Decode(wire(id, 2, 2, 'r')); err != nil || v != (Closed{"r"}) {
		t.Errorf("got %v, %v", v, err)
	}
}

// A fault is an error, so that nothing is set aside that could be read later.
func TestCodecGivesUp(t *testing.T) {
	s := server(t)
	codec := set(t, client(t, s.URL()), bankTypes()...).Codec()
	s.Close()
	v, err := codec.Decode(wire(999))
	if !errors.Is(err, codecs.ErrRegistryUnavailable) || v != nil {
		t.Errorf("got %v, %v, want ErrRegistryUnavailable", v, err)
	}
}

func TestCloseEndsTheCodecsWaiting(t *testing.T) {
	s := server(t)
	r := client(t, s.URL(), patient)
	codec := set(t, r, bankTypes()...).Codec()
	arrived, _ := held(t, s)
	waiting := make(chan error, 1)
	go func() { _, err := codec.Decode(wire(999)); waiting <- err }()
	<-arrived
	r.Close()
	if err := <-waiting; !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

func TestPrepareWaitsForTheRegistry(t *testing.T) {
	s := server(t)
	away(s, 2)
	events, err := codecs.NewSet(client(t, s.URL(), patient), bankTypes()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Prepare(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPrepareEndsWithItsContext(t *testing.T) {
	s := server(t)
	s.Close()
	events, err := codecs.NewSet(client(t, s.URL(), patient), bankTypes()...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := events.Prepare(ctx); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

// Wrong credentials do not become right by waiting.
func TestPrepareDoesNotWaitForAPerson(t *testing.T) {
	s := server(t, srfake.WithAuth("Basic secret"))
	requests := counted(s)
	events, err := codecs.NewSet(client(t, s.URL(), patient), bankTypes()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Prepare(t.Context()); !errors.Is(err, codecs.ErrRegistryRefused) {
		t.Errorf("got %v, want ErrRegistryRefused", err)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
