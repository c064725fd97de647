package codecs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server returns an empty registry.
func server(tb testing.TB, options ...srfake.Option) *srfake.Registry {
	tb.Helper()
	s := srfake.New(options...)
	tb.Cleanup(s.Close)
	return s
}

// client returns a registry client that registers, with what change changes in its settings.
func client(tb testing.TB, url string, change ...func(*codecs.RegistrySettings)) *codecs.Registry {
	tb.Helper()
	settings := codecs.RegistrySettings{
		URLs: []string{url}, Mode: codecs.Register, RetryLimit: 100 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, fn := range change {
		fn(&settings)
	}
	r, err := codecs.NewRegistry(settings)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

// set returns a prepared Set.
func set(tb testing.TB, r *codecs.Registry, types ...codecs.Type) *codecs.Set {
	tb.Helper()
	s, err := codecs.NewSet(r, types...)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Prepare(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// register puts a schema into the registry, as another program would.
func register(tb testing.TB, s *srfake.Registry, subject, schema string) int {
	tb.Helper()
	id, _, err := s.RegisterSchema(subject, sr.Schema{Schema: schema})
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

// eventually waits for a condition, and fails the test with why.
func eventually(tb testing.TB, why string, condition func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	for !condition() {
		if !kafka.Sleep(ctx, time.Millisecond) {
			tb.Fatal(why)
		}
	}
}

// Deposited is an event with nine fields, as that of the design's measurements.
type Deposited struct {
	AccountID   string `avro:"accountId"`
	Amount      int64  `avro:"amount"`
	Currency    string `avro:"currency"`
	Balance     int64  `avro:"balance"`
	Reference   string `avro:"reference"`
	Description string `avro:"description"`
	Channel     string `avro:"channel"`
	Cash        bool   `avro:"cash"`
	Branch      int32  `avro:"branch"`
}

const depositedSchema = `{
	"type": "record", "name": "Deposited", "namespace": "bank", "fields": [
		{"name": "accountId", "type": "string"},
		{"name": "amount", "type": "long"},
		{"name": "currency", "type": "string"},
		{"name": "balance", "type": "long"},
		{"name": "reference", "type": "string"},
		{"name": "description", "type": "string"},
		{"name": "channel", "type": "string"},
		{"name": "cash", "type": "boolean"},
		{"name": "branch", "type": "int"}
	]}`

func deposited() Deposited {
	return Deposited{
		AccountID: "account-4711", Amount: 12_345, Currency: "EUR", Balance: 9_876_543,
		Reference: "invoice 2026-17", Description: "thank you", Channel: "online",
		Cash: true, Branch: 42,
	}
}

// Closed is the smallest event.
type Closed struct {
	Reason string `avro:"reason"`
}

const closedSchema = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
	{"name": "reason", "type": "string"}]}`
