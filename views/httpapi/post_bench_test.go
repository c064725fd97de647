package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr/srfake"

	"refold/codecs"
	"refold/views/httpapi"
)

// Deposit is a command with nine fields, as that of the design's measurements.
type Deposit struct {
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

const depositSchema = `{"type": "record", "name": "Deposit", "namespace": "bank", "fields": [
	{"name": "accountId", "type": "string"}, {"name": "amount", "type": "long"},
	{"name": "currency", "type": "string"}, {"name": "balance", "type": "long"},
	{"name": "reference", "type": "string"}, {"name": "description", "type": "string"},
	{"name": "channel", "type": "string"}, {"name": "cash", "type": "boolean"},
	{"name": "branch", "type": "int"}]}`

const depositBody = `{"type": "Deposit", "data": {"accountId": "account-4711", "amount": 12345,
	"currency": "EUR", "balance": 9876543, "reference": "invoice 2026-17", "description": "thank you",
	"channel": "online", "cash": true, "branch": 42}}`

// A POST on its way to the sender, which is a fake. The server, huma and the answer are in it.
func BenchmarkPost(b *testing.B) {
	registry := srfake.New()
	b.Cleanup(registry.Close)
	client, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{registry.URL()}, Mode: codecs.Register, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	commands, err := codecs.NewSet(client, codecs.Record[Deposit](depositSchema))
	if err != nil {
		b.Fatal(err)
	}
	bench := newBench(b, func(o *httpapi.Options) {
		o.Resources[0].Commands = commands
		o.Resources[0].CommandExamples = nil
	})
	handler := bench.server.Handler()
	b.SetBytes(int64(len(depositBody)))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/accounts/a/commands",
			strings.NewReader(depositBody))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusAccepted {
			b.Fatalf("%d: %s", w.Code, w.Body)
		}
		bench.sender.sent = bench.sender.sent[:0]
	}
}
