//go:build system

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/bench"
	"refold/bench/report"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/projections"
	"refold/readmodels"
)

// written is a past that read models are made of: the events of accounts, and the lines of their statements
// as a sink has them ready.
type written struct {
	place

	topics processors.Topics
	events int64
	// rows is the topic with the lines, file the same as COPY takes them, and sum what all amounts come to;
	// they are made when they are asked for.
	rows, file string
	lines, sum int64
}

// booking is a command to an account: the first one opens it, and of the others half pay money in.
func booking(n int, random *rand.Rand) any {
	const most = 100_00
	amount := 1 + random.Int64N(most)
	switch kind := random.IntN(10); {
	case n == 0:
		return accounts.OpenAccount{Owner: "Bench", Currency: "EUR"}
	case kind < 5:
		return accounts.DepositMoney{Amount: amount, Currency: "EUR"}
	case kind < 9:
		return accounts.WithdrawMoney{Amount: amount, Currency: "EUR"}
	default:
		return accounts.ChargeAccount{
			Amount: amount, Currency: "EUR", Reference: "order-" + strconv.Itoa(n),
		}
	}
}

// past writes the events of accounts, once for each number of them. The accounts take turns, in no order of
// their keys.
func (l *lab) past(ctx context.Context, events, keys int) (*written, error) {
	if p := l.pasts[events]; p != nil {
		return p, nil
	}
	p := &written{place: place{prefix: bench.NewPrefix(), partitions: drainPartitions}}
	if err := realTopics(ctx, l, p.place); err != nil {
		return nil, err
	}
	busy := *l.accounts
	busy.Traffic = booking
	p.topics = busy.Topics(p.prefix)
	settings := bench.Settings{Kafka: l.settings(), Logs: l.logs}
	err := bench.With(ctx, settings, func(b *bench.Bench) error {
		past, err := b.WritePast(ctx, bench.Past{
			Aggregate: &busy, Prefix: p.prefix, Partitions: p.partitions, Keys: keys, Events: events,
		})
		if err == nil {
			p.events = int64(past.Events)
			fmt.Printf("wrote %s events of %s accounts, %d bytes each, in %.0f s\n",
				report.Number(float64(past.Events), 0), report.Number(float64(keys), 0),
				past.EventBytes/p.events, past.Took.Seconds())
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	l.pasts[events] = p
	return p, nil
}

// settings are how the lab itself reaches Kafka.
func (l *lab) settings() kafka.Settings {
	return kafka.Settings{Brokers: []string{l.broker.Address()}, ClientID: "refold-bench"}
}

// finish makes the lines of the statements, as rows in a topic and in a file: what a sink writes, which folds
// nothing itself. They are in the order of their events, in the same partitions.
func (l *lab) finish(ctx context.Context, p *written) (err error) {
	if p.rows != "" {
		return nil
	}
	sources, err := readmodels.AccountStatement.Open([]*processors.OpenAggregate{l.accounts})
	if err != nil {
		return fmt.Errorf("opening the projection: %w", err)
	}
	rows := p.prefix + "rows"
	_, err = kafka.Ensure(ctx, l.client, []kafka.TopicSpec{{
		Name: rows, Partitions: int32(p.partitions), ReplicationFactor: 1,
	}})
	if err != nil {
		return fmt.Errorf("making the topic of rows: %w", err)
	}
	file, err := os.Create(filepath.Join(l.dir, rows+".copy"))
	if err != nil {
		return fmt.Errorf("making the file of rows: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 1<<20)
	producer, err := kgo.NewClient(kgo.SeedBrokers(l.broker.Address()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return fmt.Errorf("making a producer: %w", err)
	}
	defer producer.Close()
	var failed error
	var lines, sum int64
	err = l.changes(ctx, p, sources[0], func(from *kgo.Record, c projections.Change) error {
		if c.Table != readmodels.StatementLines.Table {
			return nil
		}
		line, err := readmodels.StatementLines.Row(c.Values)
		if err != nil {
			return err //nolint:wrapcheck // it says which column
		}
		lines++
		sum += line.Amount
		value, err := json.Marshal(rowOf(line))
		if err != nil {
			return fmt.Errorf("encoding a row: %w", err)
		}
		producer.Produce(ctx, &kgo.Record{
			Topic: rows, Partition: from.Partition, Key: from.Key, Value: value,
		}, func(_ *kgo.Record, err error) { failed = errors.Join(failed, err) })
		return writeLine(out, line)
	})
	err = errors.Join(err, producer.Flush(ctx), failed, out.Flush())
	if err == nil {
		p.rows, p.file, p.lines, p.sum = rows, file.Name(), lines, sum
	}
	return err
}

// changes folds all events, and hands on what they change.
func (l *lab) changes(
	ctx context.Context, p *written, source *projections.OpenSource,
	each func(*kgo.Record, projections.Change) error,
) error {
	consumer, err := kgo.NewClient(kgo.SeedBrokers(l.broker.Address()),
		kgo.ConsumeTopics(p.topics.Events), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return fmt.Errorf("making a consumer: %w", err)
	}
	defer consumer.Close()
	states := make(map[string]any)
	for n := int64(0); n < p.events; {
		fetches := consumer.PollFetches(ctx)
		if err := errors.Join(ctx.Err(), fetches.Err()); err != nil {
			return fmt.Errorf("reading the events: %w", err)
		}
		for r := range fetches.RecordsAll() {
			n++
			event, err := source.Decode(r)
			if err != nil {
				return err //nolint:wrapcheck // it says which event
			}
			key := string(r.Key)
			state, changes, err := source.Apply(states[key], key, event, nil)
			if err != nil {
				return err //nolint:wrapcheck // it says which event
			}
			states[key] = state
			for _, c := range changes {
				if err := each(r, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// row is a line of a statement as JSON, in the types that Kafka Connect has.
type row struct {
	AccountID string `json:"account_id"`
	Sequence  int64  `json:"sequence"`
	Month     string `json:"month"`
	BookedAt  int64  `json:"booked_at"` // milliseconds
	Kind      string `json:"kind"`
	Text      string `json:"text"`
	Reference string `json:"reference"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	Balance   int64  `json:"balance"`
}

func rowOf(l readmodels.StatementLine) row {
	return row{
		l.AccountID, l.Sequence, l.Month, l.BookedAt.UnixMilli(), string(l.Kind), l.Text, l.Reference,
		l.Amount, l.Currency, l.Balance,
	}
}

// writeLine writes a row as COPY takes it. None of its texts has a character that must be escaped.
func writeLine(out io.Writer, l readmodels.StatementLine) error {
	_, err := io.WriteString(out, strings.Join([]string{
		l.AccountID, strconv.FormatInt(l.Sequence, 10), l.Month,
		l.BookedAt.Format("2006-01-02T15:04:05.999999Z"), string(l.Kind), l.Text, l.Reference,
		strconv.FormatInt(l.Amount, 10), l.Currency, strconv.FormatInt(l.Balance, 10),
	}, "\t")+"\n")
	return err //nolint:wrapcheck // the caller flushes, and says what it was doing
}

// committed returns how many records a consumer group has committed of a topic.
func (l *lab) committed(ctx context.Context, group, topic string) (sum int64, err error) {
	offsets, err := kadm.NewClient(l.client).FetchOffsets(ctx, group)
	if err != nil {
		return 0, fmt.Errorf("asking for the offsets of %s: %w", group, err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic {
			sum += max(0, o.At)
		}
	})
	return sum, nil
}
