package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// ErrNoTransaction says that no open transaction begins at a place.
var ErrNoTransaction = errors.New("no such transaction is open")

// AbortTransaction aborts the transaction among those that are open in the topics whose first record in a
// partition ("topic/3") is at the offset. The error is ErrNoTransaction if there is none.
func AbortTransaction(
	ctx context.Context, client *kgo.Client, topics []string, partition string, offset int64,
) error {
	open, err := kafka.OpenTransactions(ctx, client, topics...)
	if err != nil {
		return err
	}
	for _, t := range open {
		if fmt.Sprintf("%s/%d", t.Topic, t.Partition) == partition && t.Offset == offset {
			return kafka.AbortTransaction(ctx, client, t)
		}
	}
	return fmt.Errorf("%w: none begins at %s, offset %d", ErrNoTransaction, partition, offset)
}
