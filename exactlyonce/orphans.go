package exactlyonce

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/exactlyonce/internal/warm"
	"refold/kafka"
)

// A worker that is killed leaves a transaction open. Until brokers end it, after Kafka.TransactionTimeout,
// readers of committed records stop before it: the restore of the tables that its partitions have, other
// groups, and the group itself, whose offsets are not stable. Its heir need not wait. With each offset the
// transactional ID of its worker is kept, so the heir knows who had its partitions, and members tell their
// group theirs, so it knows who is gone.

// writtenByPrefix marks the metadata of an offset as ours: any program may have committed for the group.
const writtenByPrefix = "transactions of "

// maxWrittenBy is the longest transactional ID that is kept with offsets: brokers refuse metadata of more
// than 4,096 bytes (offset.metadata.max.bytes), and the commit with it.
const maxWrittenBy = 1024

func writtenBy(transactionalID string) string {
	if len(transactionalID) > maxWrittenBy {
		return ""
	}
	return writtenByPrefix + transactionalID
}

// abortOrphans ends the transactions of workers that have committed last in this session's partitions and are
// no members any more. What can't be found out or done is logged: the brokers end the transactions later.
//
// A worker that is taken for dead, and lives, is fenced. It has lost its partitions, so its transaction could
// not commit anyway (G5). If it has joined again meanwhile, under the same ID, and its first transaction is
// aborted by this late request, it does the batch again:
//
//	the heir asks who is a member: the worker is not
//	the worker joins, is given a partition, and begins a transaction
//	the heir aborts it; the worker's next request fails, and it starts over with new producers
func (r *run) abortOrphans(s *session) {
	ctx, cancel := context.WithTimeout(s.ctx, r.engine.cfg.Kafka.WithDefaults().RequestTimeout)
	defer cancel()
	gone, err := r.gone(ctx, s)
	if err != nil {
		r.engine.log.Info("it is not known whether dead workers have left transactions open", "error", err)
		return
	}
	for _, worker := range gone {
		for i := range r.engine.cfg.Producers {
			id := worker + "-" + strconv.Itoa(i)
			switch had, err := kafka.AbortOngoing(ctx, r.consumer, id); {
			case err != nil:
				r.engine.log.Warn("the transaction of a worker that is gone can't be aborted; it ends by "+
					"its time-out", "transactionalID", id, "error", err)
			case had:
				r.engine.log.Info("the transaction of a worker that is gone was aborted",
					"transactionalID", id)
			}
		}
	}
}

// gone returns the workers that have committed last in the session's partitions, and are no members: none
// unless all members have told their transactional IDs, which earlier releases don't.
func (r *run) gone(ctx context.Context, s *session) ([]string, error) {
	metadata, err := kafka.CommittedMetadata(ctx, r.consumer, r.engine.group, s.ids, s.assigned)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was asked
	}
	var writers []string
	for _, text := range metadata {
		id, is := strings.CutPrefix(text, writtenByPrefix)
		if is && id != r.engine.cfg.TransactionalID {
			writers = append(writers, id)
		}
	}
	if len(writers) == 0 {
		return nil, nil
	}
	members, err := kafka.Members(ctx, kadm.NewClient(r.consumer), r.engine.group)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was asked
	}
	for i := range members {
		var told warm.Member
		if err := warm.DecodeMember(&told, members[i].Told); err != nil {
			return nil, fmt.Errorf("what member %s tells: %w", members[i].ID, err)
		}
		if told.Transactions == "" {
			return nil, nil
		}
		writers = slices.DeleteFunc(writers, func(id string) bool { return id == told.Transactions })
	}
	return writers, nil
}
