package program

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs"
	"refold/eventsourcing"
)

// idInHeader reports whether a record's schema ID stands in its header, and not before the data.
func idInHeader(r *kgo.Record) bool {
	id := header(r, codecs.HeaderValueSchemaID)
	return len(id) == 5 && !bytes.HasPrefix(r.Value, []byte(id))
}

// G8, G9: a worker that writes schema IDs into headers after one that wrote them before the data, and clients
// that name schemas by GUIDs, as Confluent's do. All that reads records reads both.
func TestSchemaIDsInHeaders(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("alice")
	w.stop()
	inHeaders := []string{"--registry.schema-id", "header"}
	w = i.start(inHeaders...)
	w.send("/accounts/alice", "one", "DepositMoney", `{"amount": 500, "currency": "EUR"}`)
	p := i.producer()
	p.put(p.withGUID(i.cluster.RegistryURL(), "bob",
		eventsourcing.Metadata{ID: "bob's", CorrelationID: "chain"}))
	unknown := p.withGUID(i.cluster.RegistryURL(), "eve", eventsourcing.Metadata{ID: "eve's"})
	last := &unknown.Headers[len(unknown.Headers)-1]
	last.Value = append([]byte{1}, bytes.Repeat([]byte{9}, 16)...)
	p.put(unknown)
	w.ask(http.MethodGet, "/accounts/bob", "", "Prefer", "wait=30")
	eventually(t, func() bool {
		return len(p.letters()) == 1 && w.ask(http.MethodGet, "/accounts/bob", "").status == http.StatusOK
	}, w.out)

	t.Run("what is written", func(t *testing.T) {
		for topic, want := range map[string]int{
			"account-events": 2, "account-results": 2, "account-commands": 1, "accounts-table": 0,
		} {
			records, in := p.read(topic), 0
			for _, r := range records {
				if idInHeader(r) {
					in++
				}
			}
			if in < want || (want == 0) != (in == 0) || in == len(records) {
				t.Errorf("%s: %d of %d have the ID in a header, want %d or more, and others", topic, in,
					len(records), want)
			}
		}
	})
	with := func(args ...string) []string { return append(args, "--server", w.server) }
	t.Run("what is read", func(t *testing.T) {
		expect(t, 0, []string{"AccountOpened", "MoneyDeposited"}, with("history", "account", "alice")...)
		expect(t, 0, []string{`"balance": 500`}, with("get", "account", "alice", "--sequence", "2")...)
		expect(t, 0, []string{"AccountOpened", "✓ accepted       account bob  (event 1)"},
			with("trace", "chain")...)
		expect(t, 0, []string{"(schema ID in a header)", `{"amount":500`},
			append([]string{"topic", "cat", "account-commands"}, i.reach()[:4]...)...)
		expect(t, 0, []string{"(ID in a header)"},
			append([]string{"topic", "describe", "account-events"}, i.reach()[:4]...)...)
	})
	t.Run("a dead letter", func(t *testing.T) {
		for _, letter := range p.letters() {
			if header(letter, codecs.HeaderValueSchemaID) != string(last.Value) ||
				!bytes.Equal(letter.Value, unknown.Value) {
				t.Errorf("it is not as it came: %v %x", letter.Headers, letter.Value)
			}
			place := fmt.Sprintf("%d/%d", letter.Partition, letter.Offset)
			expect(t, 0, []string{"unknown-schema", "09090909-0909-0909-0909-090909090909"},
				append([]string{"dead-letters", "show", place}, i.reach()[:4]...)...)
			expect(t, 0, []string{place},
				append([]string{"dead-letters", "replay", place}, i.reach()[:4]...)...)
			eventually(t, func() bool { return len(p.letters()) == 2 }, w.out)
		}
	})
	t.Run("the fold", func(t *testing.T) {
		if found, out := i.verifyAccounts(0, "--worker", w.server); len(found) > 0 {
			t.Errorf("%v\n%s", found, out)
		}
		i.rebuildAccounts(0, []string{"0 changed, 0 added, 0 removed"})
	})
	t.Run("with the ID before the data again", func(t *testing.T) {
		w.stop()
		w = i.start()
		w.send("/accounts/bob", "two", "DepositMoney", `{"amount": 7, "currency": "EUR"}`)
		expect(t, 0, []string{`"balance": 7`}, with("get", "account", "bob")...)
		expect(t, 0, []string{"AccountOpened", "MoneyDeposited"}, with("history", "account", "bob")...)
	})
}

// withGUID is a command that opens an account, as Confluent's serializer writes it: with the GUID of its
// schema in a header, the last one.
func (p *producer) withGUID(registryURL, key string, m eventsourcing.Metadata) *kgo.Record {
	p.t.Helper()
	r := p.open(key, m)
	id, data, err := codecs.SplitWire(r.Value)
	if err != nil {
		p.t.Fatal(err)
	}
	registry, err := sr.NewClient(sr.URLs(registryURL))
	if err != nil {
		p.t.Fatal(err)
	}
	versions, err := registry.SchemaVersionsByID(p.t.Context(), id.Number)
	if err != nil || len(versions) == 0 {
		p.t.Fatalf("%v, %v", versions, err)
	}
	found, err := registry.SchemaByVersion(p.t.Context(), versions[0].Subject, versions[0].Version)
	if err != nil {
		p.t.Fatal(err)
	}
	guid, err := hex.DecodeString(strings.ReplaceAll(found.GUID, "-", ""))
	if err != nil || len(guid) != 16 {
		p.t.Fatalf("%q is no GUID: %v", found.GUID, err)
	}
	r.Value = data
	r.Headers = append(r.Headers, kgo.RecordHeader{
		Key: codecs.HeaderValueSchemaID, Value: append([]byte{1}, guid...),
	})
	return r
}
