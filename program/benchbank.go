package program

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors/accounts"
)

// benchBank is accounts that have a past: events, and rows that are the fold of them. Each account is
// opened, paid in to, charged and refunded by turns; the events of all are mixed.
type benchBank struct {
	*accountsSubject
	table        string // the topic
	keys, events int
	wrong        int // rows that are not the fold
}

// key is an account's ID.
func (*benchBank) key(k int) string { return fmt.Sprintf("account-%08d", k) }

// spread mixes numbers below n up: neighbours in time are none in the order of keys.
func spread(i, n int) int { return int(int64(i) * 1_000_003 % int64(n)) }

// data is an account's event at a sequence.
func (*benchBank) data(key string, sequence int) accounts.Event {
	reference := fmt.Sprintf("order-%s-%d", key, sequence/3)
	switch {
	case sequence == 1:
		return accounts.AccountOpened{Owner: "Somebody " + key, Currency: "EUR"}
	case sequence%3 == 0:
		return accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: reference}
	case sequence%3 == 1:
		return accounts.AccountRefunded{Amount: 5, Currency: "EUR", Reference: reference}
	default:
		return accounts.MoneyDeposited{Amount: 100, Currency: "EUR"}
	}
}

// event is the i-th event of all.
func (b *benchBank) event(i int) (*kgo.Record, error) {
	key, sequence := b.key(spread(i, b.keys)), i/b.keys+1
	data := b.data(key, sequence)
	value, err := b.codecs.Events.Encode(data)
	if err != nil {
		return nil, err
	}
	cause := fmt.Sprintf("018f5c1e-9a8b-7c6d-8e7f-%012d", i)
	return recordOf(accounts.Definition.Topics(b.run.prefix).Events, key, value, eventsourcing.Metadata{
		ID: fmt.Sprintf("%s/%d", key, sequence), Source: "accounts", Subject: key,
		Type: eventsourcing.TypeName(data), Time: time.Now(),
		CorrelationID: cause, CausationID: cause, Sequence: int64(sequence),
	}), nil
}

// row is the k-th row of the table.
func (b *benchBank) row(k int) (*kgo.Record, error) {
	i := spread(k, b.keys) // of the account: the order is that of its first event
	key := b.key(i)
	var s eventsourcing.Snapshot[accounts.Account]
	for at := k; at < b.events; at += b.keys {
		s.Sequence++
		s.State = accounts.Decider.Evolve(s.State, eventsourcing.Recorded[accounts.Event]{
			Event: b.data(key, int(s.Sequence)), Sequence: s.Sequence,
		})
		s.Recent = s.Recent.Add(commandID(at),
			eventsourcing.Entry{FirstSequence: s.Sequence, LastSequence: s.Sequence}, recentCommands)
	}
	if b.wrong > 0 && k%max(b.keys/b.wrong, 1) == 0 && k/max(b.keys/b.wrong, 1) < b.wrong {
		s.State.Owner = "Nobody"
	}
	value, err := b.codecs.Table.Encode(s)
	if err != nil {
		return nil, err
	}
	return &kgo.Record{Topic: b.table, Key: []byte(key), Value: value}, nil
}

// recentCommands is accounts.recent-commands by default.
const recentCommands = 16

// command is the i-th command: a deposit to one of the accounts.
func (b *benchBank) command(i int) (*kgo.Record, error) {
	return b.send(i, b.key(spread(i, b.keys)), accounts.DepositMoney{Amount: 1, Currency: "EUR"})
}

// write produces n records and returns what they take, keys and values.
func (r *benchRun) write(
	ctx context.Context, what string, n int, record func(i int) (*kgo.Record, error),
) (bytes int64, err error) {
	var failed error
	var once sync.Once
	for i := range n {
		one, err := record(i)
		if err != nil {
			return 0, err
		}
		bytes += int64(len(one.Key) + len(one.Value))
		r.client.Produce(ctx, one, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	if err = r.client.Flush(ctx); err == nil {
		once.Do(func() {}) // orders what was noted before
		err = failed
	}
	if err != nil {
		return 0, fmt.Errorf("write the %s: %w", what, err)
	}
	return bytes, nil
}

// recordOf is a message as workers and their clients write it.
func recordOf(topic, key string, value []byte, m eventsourcing.Metadata) *kgo.Record {
	record := &kgo.Record{Topic: topic, Key: []byte(key), Value: value}
	for name, value := range codecs.Headers(m) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return record
}

// commandPrefix is what the IDs of commands begin with.
const commandPrefix = "command-"

func commandID(i int) string { return commandPrefix + strconv.Itoa(i) }
