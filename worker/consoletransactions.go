package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"refold/console/operations"
	"refold/kafka"
	"refold/operator"
)

// transactionsAge is how old the list of open transactions may be: to make it, all brokers are asked.
const transactionsAge = 3 * time.Second

// consoleTransactions tells the console of open transactions.
type consoleTransactions struct {
	worker *Worker
	open   *remembered[asked]
}

type asked struct {
	open []operations.Transaction
	at   time.Time
}

func (t *consoleTransactions) topics() []string {
	specs := t.worker.in.TopicSpecs()
	topics := make([]string, len(specs))
	for i, s := range specs {
		topics[i] = s.Name
	}
	return topics
}

func (t *consoleTransactions) ask(ctx context.Context) (asked, error) {
	client, err := t.worker.kafka.Client()
	if err != nil {
		return asked{}, err
	}
	defer client.Close()
	open, err := kafka.OpenTransactions(ctx, client, t.topics()...)
	if err != nil {
		return asked{}, err
	}
	a := asked{at: time.Now()}
	for i := range open {
		o := &open[i]
		a.open = append(a.open, operations.Transaction{
			Topic: o.Topic, Partition: o.Partition, Offset: o.Offset, Since: o.Since(), Timeout: o.Timeout,
			ID: o.TransactionalID, ProducerID: o.ProducerID,
		})
	}
	slices.SortStableFunc(a.open, func(a, b operations.Transaction) int {
		return cmp.Or(-cmp.Compare(rankOf(&a), rankOf(&b)), a.Since.Compare(b.Since))
	})
	return a, nil
}

// rankOf has transactions that hang come first.
func rankOf(t *operations.Transaction) int {
	if t.Hangs() {
		return 1
	}
	return 0
}

// Open implements operations.Transactions.
func (t *consoleTransactions) Open(ctx context.Context) ([]operations.Transaction, time.Time, error) {
	a, err := t.open.get(ctx)
	return a.open, a.at, err
}

// Abort implements operations.Transactions.
func (t *consoleTransactions) Abort(ctx context.Context, topic string, partition int32, offset int64) error {
	client, err := t.worker.kafka.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	err = operator.AbortTransaction(ctx, client, t.topics(), topic+"/"+strconv.Itoa(int(partition)), offset)
	t.open.forget()
	if errors.Is(err, operator.ErrNoTransaction) {
		return fmt.Errorf("%w: %w", operations.ErrNoTransaction, err)
	}
	return err //nolint:wrapcheck // it says what it was doing
}
