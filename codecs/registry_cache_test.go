package codecs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs"
)

func TestConcurrentMissesAreOneRequest(t *testing.T) {
	s := server(t)
	id := register(t, s, "bank.Closed", closedSchema)
	requests := counted(s)
	arrived, release := held(t, s)
	r := client(t, s.URL())
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := r.Schema(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	release()
	all.Wait()
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// Whoever gives up does not take the answer away from the others.
func TestGivingUpLeavesTheOthers(t *testing.T) {
	s := server(t)
	id := register(t, s, "bank.Closed", closedSchema)
	arrived, release := held(t, s)
	r := client(t, s.URL())
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() { _, err := r.Schema(impatient, id); gaveUp <- err }()
	<-arrived
	waited := make(chan error, 1)
	go func() { _, err := r.Schema(t.Context(), id); waited <- err }()
	cancel()
	err := <-gaveUp
	if !errors.Is(err, codecs.ErrRegistryUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrRegistryUnavailable and Canceled", err)
	}
	release()
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	s := server(t)
	id := register(t, s, "bank.Closed", closedSchema)
	r := client(t, s.URL())
	if _, err := r.Schema(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	arrived, _ := held(t, s)
	waiting := make(chan error, 1)
	go func() { _, err := r.Schema(t.Context(), 99); waiting <- err }()
	<-arrived
	r.Close()
	if err := <-waiting; !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
	if _, err := r.Schema(t.Context(), id); err != nil {
		t.Errorf("what is known is not served after Close: %v", err)
	}
	if _, err := r.Schema(t.Context(), 98); !errors.Is(err, codecs.ErrRegistryUnavailable) {
		t.Errorf("got %v, want ErrRegistryUnavailable", err)
	}
}

func TestUnknownIsBelievedForAWhile(t *testing.T) {
	for name, test := range map[string]struct {
		unknownFor time.Duration
		requests   int64
	}{
		"a while": {time.Hour, 1},
		"never":   {-1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			requests := counted(s)
			r := client(t, s.URL(), func(s *codecs.RegistrySettings) {
				s.Limits.UnknownFor = test.unknownFor
			})
			for range 10 {
				if _, err := r.Schema(t.Context(), 77); !errors.Is(err, codecs.ErrSchemaNotFound) {
					t.Fatalf("got %v, want ErrSchemaNotFound", err)
				}
			}
			if n := requests.Load(); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

func TestUnknownBecomesKnown(t *testing.T) {
	s := server(t)
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) {
		s.Limits.UnknownFor = time.Nanosecond
	})
	if _, err := r.Schema(t.Context(), 1); !errors.Is(err, codecs.ErrSchemaNotFound) {
		t.Fatalf("got %v", err)
	}
	register(t, s, "bank.Closed", closedSchema)
	if _, err := r.Schema(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	s := server(t)
	requests := counted(s)
	r := client(t, s.URL(), func(s *codecs.RegistrySettings) { s.Limits.Schemas = 2 })
	for i := range 5 {
		register(t, s, fmt.Sprintf("s%d", i),
			fmt.Sprintf(`{"type": "fixed", "name": "F", "size": %d}`, i+1))
	}
	for range 2 {
		for id := 1; id <= 5; id++ {
			if _, err := r.Schema(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := requests.Load(); n < 8 {
		t.Errorf("%d requests for 10 look-ups of 5 schemas, of which 2 are kept", n)
	}
}

func TestReferences(t *testing.T) {
	s := server(t)
	register(t, s, "money", `{"type": "record", "name": "Money", "namespace": "bank", "fields": [
		{"name": "cents", "type": "long"}]}`)
	_, _, err := s.RegisterSchema("line", sr.Schema{
		Schema: `{"type": "record", "name": "Line", "namespace": "shop", "fields": [
			{"name": "price", "type": "bank.Money"}]}`,
		References: []sr.SchemaReference{{Name: "bank.Money", Subject: "money", Version: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := s.RegisterSchema("order", sr.Schema{
		Schema: `{"type": "record", "name": "Order", "namespace": "shop", "fields": [
			{"name": "lines", "type": {"type": "array", "items": "shop.Line"}},
			{"name": "total", "type": "bank.Money"}]}`,
		References: []sr.SchemaReference{
			{Name: "shop.Line", Subject: "line", Version: 1},
			{Name: "bank.Money", Subject: "money", Version: 1},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := client(t, s.URL())
	schema, err := r.Schema(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if schema.Name != "shop.Order" {
		t.Errorf("the name is %s", schema.Name)
	}
	if _, err := codecs.ParseSchema(schema.Text); err != nil {
		t.Errorf("the text cannot stand alone: %v\n%s", err, schema.Text)
	}
	b := append(codecs.AppendWireHeader(nil, id), 2, 4, 0, 6) // one line of 2, total 3
	name, json, err := r.ToJSON(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"lines":[{"price":{"cents":2}}],"total":{"cents":3}}`; string(json) != want {
		t.Errorf("%s is %s, want %s", name, json, want)
	}
}

func TestReferencesThatLeadNowhere(t *testing.T) {
	answer := `{"schema": "\"string\"",
		"references": [{"name": "a", "subject": "a", "version": 1}]}`
	for name, test := range map[string]struct{ answer, want string }{
		"missing": {"", "which does not exist"},
		"cyclic":  {answer, "refers to itself"},
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				body := answer
				if strings.HasPrefix(r.URL.Path, "/subjects/") {
					body = test.answer
				}
				if body != "" {
					_, _ = fmt.Fprint(w, body)
				}
				return body != ""
			})
			_, err := client(t, s.URL()).Schema(t.Context(), 1)
			unusable := errors.Is(err, codecs.ErrSchemaUnusable)
			if !unusable || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want ErrSchemaUnusable: %s", err, test.want)
			}
		})
	}
}
