package processors

import (
	"strconv"
	"time"

	"github.com/lovoo/goka"

	"refold/codecs"
)

// Headers that a dead letter carries beside its own: where it came from and why it is here.
const (
	HeaderTopic     = "refold_topic"
	HeaderPartition = "refold_partition"
	HeaderOffset    = "refold_offset"
	HeaderReason    = "refold_reason"
	HeaderMessage   = "refold_message"
	HeaderTime      = "refold_time"
)

// ReasonBug is the reason of a dead letter whose command made the domain fail or panic.
const ReasonBug codecs.Reason = "bug"

// maxMessageBytes limits the message in a dead letter's headers: an error may quote its input.
const maxMessageBytes = 1024

// setAside puts a record that can't be handled into the dead letters, in the same transaction as
// the offset that passes it (G8): key, bytes and headers as they came, and the reason.
func (a *Aggregate[S, C, E]) setAside(ctx goka.Context, record *received,
	poison *codecs.Malformed,
) {
	message := poison.Err.Error()
	if len(message) > maxMessageBytes {
		message = message[:maxMessageBytes]
	}
	origin := goka.Headers{
		HeaderTopic:     []byte(ctx.Topic()),
		HeaderPartition: strconv.AppendInt(nil, int64(ctx.Partition()), 10),
		HeaderOffset:    strconv.AppendInt(nil, ctx.Offset(), 10),
		HeaderReason:    []byte(poison.Reason),
		HeaderMessage:   []byte(message),
		HeaderTime:      ctx.Timestamp().UTC().AppendFormat(nil, time.RFC3339Nano),
	}
	ctx.Emit(goka.Stream(a.Topics.DeadLetters), ctx.Key(), record.bytes,
		goka.WithCtxEmitHeaders(record.headers(ctx).Merged(origin)))
	a.Metrics.setAside(a.Name, poison.Reason)
	logDeadLetter(a.Logger, ctx, poison)
}
