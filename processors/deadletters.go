package processors

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/codecs/excerpt"
	"refold/eventsourcing"
	"refold/kafka"
)

// Headers that a dead letter carries beside its own: where it came from and why it is here.
const (
	HeaderTopic     = "refold_topic"
	HeaderPartition = "refold_partition"
	HeaderOffset    = "refold_offset"
	HeaderReason    = "refold_reason"
	HeaderMessage   = "refold_message"
	// HeaderTime is the record's own time, or the nearest that a record may have.
	HeaderTime = "refold_time"
	// HeaderVersion is the version of the worker that set it aside.
	HeaderVersion = "refold_version"
	// HeaderGroup names the consumer group that set it aside, HeaderReplayTopic the topic that a
	// replay goes to.
	HeaderGroup       = "refold_group"
	HeaderReplayTopic = "refold_replay_topic"
	// HeaderProjection names the projection that could not take the event. Nothing is put back then: an event
	// that comes twice is a second event.
	HeaderProjection = "refold_projection"
	// HeaderCut is present if the record was too large even for a dead letter, and gives its size in bytes.
	// The dead letter then lacks key, value and the record's own headers. They are in the topic that it
	// came from, as long as that keeps them.
	HeaderCut = "refold_cut"
)

// LetterBytes returns the size of the largest dead letter, given that of the largest record, both in bytes.
// Any record of an uncompressed batch fits, and many of compressed ones.
func LetterBytes(recordBytes int) int { return 2 * kafka.MaxMessageBytes(recordBytes) }

// ReasonWrongPartition is the reason of a dead letter whose command is not in the partition of its
// key: its producer has another partitioner, or knows another number of partitions.
const ReasonWrongPartition codecs.Reason = "wrong-partition"

// ReasonBadTime is the reason of a dead letter whose command has a time that no record may have
// (kafka.CheckTime): it would be that of its events for good.
const ReasonBadTime codecs.Reason = "bad-time"

// ReasonNotYetWritable is the reason of a dead letter that leads a process to a command which can't be
// expressed in the version that the release before reads: see [Downcast]. Replay it when the latest version
// is allowed.
const ReasonNotYetWritable codecs.Reason = eventsourcing.CodeNotYetWritable

// ReasonBug is the reason of a dead letter whose command made the domain fail or panic.
const ReasonBug codecs.Reason = "bug"

// maxMessageBytes limits the message in a dead letter's headers: an error may quote its input.
const maxMessageBytes = 1024

// deadLetters is where the graph of a group puts records that it can't handle.
type deadLetters struct {
	topic string
	owner string // the aggregate or process, in metrics
	group string
	// replay is the topic that a replayed record goes to.
	replay  string
	version string // of the worker
	limit   int    // bytes of a dead letter
	guard   *Guard
	metrics *Metrics
	logger  *slog.Logger
	// named is set for a graph whose inputs earlier versions have written. Records beyond the limits of IDs
	// stay among these, and there may be many. No restart mends them, so the guard doesn't count them, and
	// only the first one is logged as a warning. Nil: such records are poison like any other.
	named *atomic.Bool
}

// setAside puts a record that can't be handled into the dead letters, in the same transaction as
// the offset that passes it (G8): key, bytes and headers as they came, and the reason.
func (d *deadLetters) setAside(
	records kafka.Records, record *received, poison *codecs.Malformed,
) verdict {
	d.count(records, record, poison)
	letter := SetAside{
		Reason: poison.Reason, Err: poison.Err, Version: d.version, Group: d.group, ReplayTopic: d.replay,
		LimitBytes: d.limit,
	}.Letter(record.Record)
	records.Send(d.topic, letter.Key, letter.Headers, letter.Value)
	d.metrics.setAside(d.owner, poison.Reason)
	level := slog.LevelWarn
	if d.passes(poison) && d.named.Swap(true) {
		level = slog.LevelDebug // refold_dead_letters_total counts it
	}
	d.logger.Log(context.Background(), level, "record set aside in the dead letters",
		"topic", record.Topic, "partition", record.Partition, "offset", record.Offset,
		"reason", poison.Reason, "error", poison.Err)
	return verdict{outcomeDeadLetter, string(poison.Reason)}
}

// count reports a record to the guard, before anything of it is emitted. poison is nil for a good record.
// count does not return if the partition is held.
func (d *deadLetters) count(records kafka.Records, record *received, poison *codecs.Malformed) {
	var err error
	if d.passes(poison) {
		err = d.guard.Held(record.Topic, record.Partition)
	} else {
		err = d.guard.handled(record.Topic, record.Partition, record.Offset, poison)
	}
	if err != nil {
		records.Fail(err)
	}
}

// passes reports whether a record is set aside without being held against its partition.
func (d *deadLetters) passes(poison *codecs.Malformed) bool {
	return d.named != nil && poison != nil && poison.Reason == codecs.ReasonBeyondLimits
}

// wait does not return if a record can't be decoded yet: its partition is held until it can be.
func (d *deadLetters) wait(records kafka.Records, record *received) {
	if u, is := record.value.(*unread); is {
		records.Fail(d.guard.wait(record.Topic, record.Partition, record.Offset, u))
	}
}

// refuse handles a record that leads to something that can't be written. If err is poison, it sets the record
// aside; otherwise err is a fault, and the record is handled again later.
func (d *deadLetters) refuse(records kafka.Records, record *received, err error) verdict {
	if poison, is := errors.AsType[*codecs.Malformed](err); is {
		return d.setAside(records, record, poison)
	}
	records.Fail(err)
	return verdict{} // not reached: Fail panics
}

// SetAside says why a record is set aside in the dead letters, and by whom.
type SetAside struct {
	Reason codecs.Reason
	Err    error
	// Version is the program's, Group the consumer group that sets the record aside.
	Version, Group string
	// ReplayTopic is where a replay puts the record. It is empty if Projection is set: nothing is put back.
	ReplayTopic string
	// Projection is the one that can't take the record; empty: an aggregate or a process can't handle it.
	Projection string
	// LimitBytes is the size of the largest dead letter: see LetterBytes.
	LimitBytes int
}

// origin returns headers that say where a record comes from and why it is set aside.
func (s SetAside) origin(record *kgo.Record) []kgo.RecordHeader {
	message := excerpt.Of(s.Err.Error(), maxMessageBytes)
	at := kafka.ClampTime(kafka.TrueTime(record.Timestamp).UTC())
	headers := []kgo.RecordHeader{
		{Key: HeaderTopic, Value: []byte(record.Topic)},
		{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(record.Partition), 10)},
		{Key: HeaderOffset, Value: strconv.AppendInt(nil, record.Offset, 10)},
		{Key: HeaderReason, Value: []byte(s.Reason)},
		{Key: HeaderMessage, Value: []byte(message)},
		{Key: HeaderTime, Value: at.AppendFormat(nil, time.RFC3339Nano)},
		{Key: HeaderVersion, Value: []byte(s.Version)},
		{Key: HeaderGroup, Value: []byte(s.Group)},
	}
	if s.Projection != "" {
		return append(headers, kgo.RecordHeader{Key: HeaderProjection, Value: []byte(s.Projection)})
	}
	return append(headers, kgo.RecordHeader{Key: HeaderReplayTopic, Value: []byte(s.ReplayTopic)})
}

// Letter returns the dead letter of a record, without a topic. If the record is too large even for a dead
// letter, which only a compressed batch can bring, the letter has no key, value or headers of the record: it
// could not be written, and would stop the partition.
func (s SetAside) Letter(record *kgo.Record) kgo.Record {
	letter := kgo.Record{Key: record.Key, Value: record.Value, Headers: ownHeaders(record)}
	origin := s.origin(record)
	letter.Headers = append(letter.Headers, origin...)
	size := kafka.RecordBytes(len(letter.Key), letter.Value, letter.Headers)
	if size <= s.LimitBytes {
		return letter
	}
	return kgo.Record{Headers: append(origin,
		kgo.RecordHeader{Key: HeaderCut, Value: strconv.AppendInt(nil, int64(size), 10)})}
}

// ownHeaders returns the record's own headers. It leaves out the origin that a replayed dead letter carries:
// one that fails again has one origin, the last.
func ownHeaders(r *kgo.Record) []kgo.RecordHeader {
	return slices.DeleteFunc(slices.Clone(r.Headers), func(h kgo.RecordHeader) bool {
		return slices.Contains(originHeaders, h.Key)
	})
}

var originHeaders = []string{
	HeaderTopic, HeaderPartition, HeaderOffset, HeaderReason, HeaderMessage, HeaderTime,
	HeaderVersion, HeaderGroup, HeaderReplayTopic, HeaderProjection, HeaderCut,
}

// bug is the poison of a command that made the domain fail or panic.
func bug(err error) *codecs.Malformed { return &codecs.Malformed{Reason: ReasonBug, Err: err} }
