//go:build system

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
	"refold/system/chaos/schedule"
)

// poisoner writes commands that nobody can read, and keeps where they are: exactly these have to
// be dead letters in the end. It writes once, past all proxies, however long that takes.
type poisoner struct {
	client *kgo.Client
	path   string // of the list of places, JSON lines

	mu      sync.Mutex
	written int
}

func newPoisoner(brokers []string, path string) (*poisoner, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &poisoner{client: client, path: path}, nil
}

func (p *poisoner) close() { p.client.Close() }

// mostPoison is how much comes at once: far less than the share of poison at which a partition is
// held, also among the first records after a worker's start.
const mostPoison = 3

// poison writes some.
func (p *performance) poison(ctx context.Context, f schedule.Fault) error {
	p.begins(f)
	topics := []string{"account-commands", "order-commands"}
	for n := range 1 + f.Choice%mostPoison {
		choice := f.Choice>>8 + n
		record := &kgo.Record{
			Topic: topics[choice%2],
			Key:   fmt.Appendf(nil, "poison-%d-%d", f.Choice, n),
		}
		record.Value, record.Headers = poisonOf(choice)
		if err := p.poisoner.write(ctx, record); err != nil {
			return err
		}
	}
	return nil
}

// poisonOf makes a value and headers that are no command, each in another way.
func poisonOf(choice uint64) ([]byte, []kgo.RecordHeader) {
	headers := []kgo.RecordHeader{
		{Key: "ce_specversion", Value: []byte("1.0")},
		{Key: "ce_id", Value: fmt.Appendf(nil, "poison-%d", choice)},
		{Key: "ce_type", Value: []byte("DepositMoney")},
		{Key: "ce_source", Value: []byte("chaos")},
	}
	ways := [][]byte{
		[]byte("no wire format"),
		{},                                // nothing
		{0, 0},                            // a beginning
		{0, 0x7f, 0xff, 0xff, 0xff, 2, 4}, // a schema that nobody has registered
		{0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // one that is there, and other data
		nil, // a tombstone
	}
	value := ways[choice/2%uint64(len(ways))]
	if choice/16%2 == 0 {
		headers = nil
	}
	return value, headers
}

// write writes a record, and where it came to lie.
func (p *poisoner) write(ctx context.Context, record *kgo.Record) error {
	if err := p.client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("writing poison: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written++
	line, err := json.Marshal(audit.Poison{
		Topic: record.Topic, Partition: record.Partition, Offset: record.Offset,
	})
	if err != nil {
		return fmt.Errorf("noting where poison is: %w", err)
	}
	file, err := os.OpenFile(p.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("noting where poison is: %w", err)
	}
	return file.Close() //nolint:wrapcheck // it names the file
}

// files are the lists of what was written, for the audit: one, or none if nothing was.
func (p *poisoner) files() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.written == 0 {
		return nil
	}
	return []string{p.path}
}
