package program

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// commandsTopic is where the tests' poison goes.
const commandsTopic = "account-commands"

// producer writes to the installation's topics as anybody can, past the API.
type producer struct {
	t        *testing.T
	options  []kgo.Opt
	client   *kgo.Client
	accounts *processors.OpenAggregate
	orders   *processors.OpenAggregate
}

func (i *testbed) producer() *producer {
	i.t.Helper()
	settings := kafka.Settings{Brokers: i.cluster.Brokers(), RecordBytes: 2 << 20}
	options, err := settings.Options()
	if err != nil {
		i.t.Fatal(err)
	}
	p := &producer{t: i.t, options: options}
	if p.client, err = kgo.NewClient(options...); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(p.client.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{i.cluster.RegistryURL()}, Mode: codecs.Register,
	})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(registry.Close)
	if p.accounts, err = accounts.Definition.Open(registry); err != nil {
		i.t.Fatal(err)
	}
	if p.orders, err = orders.Definition.Open(registry); err != nil {
		i.t.Fatal(err)
	}
	return p
}

// put writes records to the commands and sets where they are.
func (p *producer) put(records ...*kgo.Record) {
	p.t.Helper()
	for _, r := range records {
		r.Topic = commandsTopic
	}
	if err := p.client.ProduceSync(p.t.Context(), records...).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
}

// putInto writes a command into a partition, whatever its key.
func (p *producer) putInto(partition int32, r *kgo.Record) {
	p.t.Helper()
	client, err := kgo.NewClient(append(p.options, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		p.t.Fatal(err)
	}
	defer client.Close()
	r.Topic, r.Partition = commandsTopic, partition
	if err := client.ProduceSync(p.t.Context(), r).FirstErr(); err != nil {
		p.t.Fatal(err)
	}
}

// encode is the value of a command.
func (p *producer) encode(set *codecs.Set, command any) []byte {
	p.t.Helper()
	value, err := set.Encode(command)
	if err != nil {
		p.t.Fatal(err)
	}
	return value
}

// open is a command that opens an account.
func (p *producer) open(key string, m eventsourcing.Metadata) *kgo.Record {
	p.t.Helper()
	m.Type = "OpenAccount"
	r := &kgo.Record{
		Key:   []byte(key),
		Value: p.encode(p.accounts.Commands, accounts.OpenAccount{Owner: "Alice", Currency: "EUR"}),
	}
	for name, value := range codecs.Headers(m) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return r
}

// read returns the committed records of a topic's two partitions.
func (p *producer) read(topic string) (all []*kgo.Record) {
	p.t.Helper()
	for partition := range int32(2) {
		_, err := kafka.ReadPartition(p.t.Context(), p.options,
			kafka.Range{Topic: topic, Partition: partition, From: kafka.FromStart},
			func(records []*kgo.Record, _ kafka.Progress) error {
				all = append(all, records...)
				return nil
			})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

// placeOf names where a record is.
func placeOf(topic string, partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d/%d", topic, partition, offset)
}

// letters are the dead letters by where they came from. None may be there twice.
func (p *producer) letters() map[string]*kgo.Record {
	p.t.Helper()
	letters := make(map[string]*kgo.Record)
	for _, r := range p.read("dead-letters") {
		from := header(r, processors.HeaderTopic) + "/" + header(r, processors.HeaderPartition) +
			"/" + header(r, processors.HeaderOffset)
		if letters[from] != nil {
			p.t.Errorf("%s was set aside twice", from)
		}
		letters[from] = r
	}
	return letters
}

func header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// noise is text that no compression makes shorter than half.
func noise(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// text is what a path of the worker's answers.
func (w *runningWorker) text(path string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), http.MethodGet,
		w.server+path, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// goesOn checks that commands of an account are handled.
func (w *runningWorker) goesOn(account string) {
	w.t.Helper()
	reply := w.send("/accounts/"+account, noise(16), "OpenAccount", `{"owner": "A", "currency": "EUR"}`)
	if reply.status != http.StatusOK || !strings.Contains(fmt.Sprint(reply.body), "accepted") {
		w.t.Fatalf("%s: %d %v\n%s", account, reply.status, reply.body, w.out)
	}
}
