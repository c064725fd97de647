package processors

import (
	"cmp"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
)

// Headers that a dead letter carries beside its own: where it came from and why it is here.
const (
	HeaderTopic     = "refold_topic"
	HeaderPartition = "refold_partition"
	HeaderOffset    = "refold_offset"
	HeaderReason    = "refold_reason"
	HeaderMessage   = "refold_message"
	// HeaderTime is the record's own time.
	HeaderTime = "refold_time"
	// HeaderVersion is the version of the worker that set it aside.
	HeaderVersion = "refold_version"
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
	version string // of the worker
	framed  bool
	metrics *Metrics
	logger  *slog.Logger
}

// setAside puts a record that can't be handled into the dead letters, in the same transaction as
// the offset that passes it (G8): key, bytes and headers as they came, and the reason. Goka itself
// keeps neither two headers of one name nor what is nil; frames do.
func (d *deadLetters) setAside(ctx goka.Context, record *received, poison *codecs.Malformed) {
	origin := d.origin(ctx, poison)
	if d.framed {
		ctx.Emit(goka.Stream(d.topic), ctx.Key(), record.frameWith(ctx, origin))
	} else {
		headers := goka.Headers{}
		for _, h := range append(record.headers(ctx), origin...) {
			headers[h.Key] = h.Value
		}
		ctx.Emit(goka.Stream(d.topic), ctx.Key(), record.bytes, goka.WithCtxEmitHeaders(headers))
	}
	d.metrics.setAside(d.owner, poison.Reason)
	d.logger.Warn("record set aside in the dead letters",
		"topic", ctx.Topic(), "partition", ctx.Partition(), "offset", ctx.Offset(),
		"reason", poison.Reason, "error", poison.Err)
}

// origin says where a record comes from and why it is set aside.
func (d *deadLetters) origin(ctx goka.Context, poison *codecs.Malformed) []kgo.RecordHeader {
	message := poison.Err.Error()
	if len(message) > maxMessageBytes {
		message = strings.ToValidUTF8(message[:maxMessageBytes], "")
	}
	return []kgo.RecordHeader{
		{Key: HeaderTopic, Value: []byte(ctx.Topic())},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(ctx.Partition()), 10)},
		{Key: HeaderOffset, Value: strconv.AppendInt(nil, ctx.Offset(), 10)},
		{Key: HeaderReason, Value: []byte(poison.Reason)},
		{Key: HeaderMessage, Value: []byte(message)},
		{Key: HeaderTime, Value: ctx.Timestamp().UTC().AppendFormat(nil, time.RFC3339Nano)},
		{Key: HeaderVersion, Value: []byte(d.version)},
		{Key: HeaderGroup, Value: []byte(d.group)},
		{Key: HeaderReplayTopic, Value: []byte(d.replay)},
	}
}

// frameWith is the record's frame with other headers of origin.
func (r *received) frameWith(ctx goka.Context, origin []kgo.RecordHeader) []byte {
	letter := kgo.Record{Key: []byte(ctx.Key()), Value: r.bytes, Headers: r.headers(ctx)}
	if r.noKey {
		letter.Key = nil
	}
	letter.Headers = append(letter.Headers, origin...)
	return kafka.AppendFrame(make([]byte, 0, kafka.FrameBytes(&letter)), &letter)
}

// headers are the record's own. Those of a dead letter that was put back and fails again are not:
// it has one origin, the last.
func (r *received) headers(ctx goka.Context) (own []kgo.RecordHeader) {
	all, _ := kafka.SplitFrame(nil, r.frame) // the codec has split it before
	if r.frame == nil {
		for name, value := range ctx.Headers() {
			all.Headers = append(all.Headers, kgo.RecordHeader{Key: name, Value: value})
		}
		slices.SortFunc(all.Headers, func(a, b kgo.RecordHeader) int {
			return cmp.Compare(a.Key, b.Key)
		})
	}
	return slices.DeleteFunc(all.Headers, func(h kgo.RecordHeader) bool {
		return slices.Contains(originHeaders, h.Key)
	})
}

var originHeaders = []string{
	HeaderTopic, HeaderPartition, HeaderOffset, HeaderReason, HeaderMessage, HeaderTime,
	HeaderVersion, HeaderGroup, HeaderReplayTopic,
}

// bug is the poison of a command that made the domain fail or panic.
func bug(err error) *codecs.Malformed { return &codecs.Malformed{Reason: ReasonBug, Err: err} }
