package processors

import (
	"log/slog"
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
	// HeaderGroup names the consumer group that set it aside, HeaderReplayTopic the topic that a
	// replay goes to.
	HeaderGroup       = "refold_group"
	HeaderReplayTopic = "refold_replay_topic"
)

// ReasonBug is the reason of a dead letter whose command made the domain fail or panic.
const ReasonBug codecs.Reason = "bug"

// maxMessageBytes limits the message in a dead letter's headers: an error may quote its input.
const maxMessageBytes = 1024

// deadLetters is where the graph of a group puts what it can't handle.
type deadLetters struct {
	topic string
	owner string // the aggregate or process, in metrics
	group string
	// replay is the topic that a replayed record goes to.
	replay  string
	metrics *Metrics
	logger  *slog.Logger
}

// setAside puts a record that can't be handled into the dead letters, in the same transaction as
// the offset that passes it (G8): key, bytes and headers as they came, and the reason.
func (d *deadLetters) setAside(ctx goka.Context, record *received, poison *codecs.Malformed) {
	message := poison.Err.Error()
	if len(message) > maxMessageBytes {
		message = message[:maxMessageBytes]
	}
	origin := goka.Headers{
		HeaderTopic:       []byte(ctx.Topic()),
		HeaderPartition:   strconv.AppendInt(nil, int64(ctx.Partition()), 10),
		HeaderOffset:      strconv.AppendInt(nil, ctx.Offset(), 10),
		HeaderReason:      []byte(poison.Reason),
		HeaderMessage:     []byte(message),
		HeaderTime:        ctx.Timestamp().UTC().AppendFormat(nil, time.RFC3339Nano),
		HeaderGroup:       []byte(d.group),
		HeaderReplayTopic: []byte(d.replay),
	}
	ctx.Emit(goka.Stream(d.topic), ctx.Key(), record.bytes,
		goka.WithCtxEmitHeaders(record.headers(ctx).Merged(origin)))
	d.metrics.setAside(d.owner, poison.Reason)
	d.logger.Warn("record set aside in the dead letters",
		"topic", ctx.Topic(), "partition", ctx.Partition(), "offset", ctx.Offset(),
		"reason", poison.Reason, "error", poison.Err)
}

// bug is the poison of a command that made the domain fail or panic.
func bug(err error) *codecs.Malformed { return &codecs.Malformed{Reason: ReasonBug, Err: err} }
