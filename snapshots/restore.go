package snapshots

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// RestoreProgress is how far a restore has come.
type RestoreProgress struct {
	Topic     string
	Partition int32
	// Start, Next and End are offsets: where it began, where it is, and where it ends; End is -1
	// until the broker has told.
	Start, Next, End int64
	// Records were applied so far. Their number and the offsets' differ: markers of transactions,
	// aborted records and gaps of compaction have offsets, too.
	Records int64
	Began   time.Time
}

// Left estimates the time to the end; 0 if nothing is known yet.
func (p RestoreProgress) Left(now time.Time) time.Duration {
	done, left := p.Next-p.Start, p.End-p.Next
	if done <= 0 || left <= 0 {
		return 0
	}
	return time.Duration(float64(now.Sub(p.Began)) * float64(left) / float64(done))
}

// Progress returns the restores that are going on.
func (s *Stores) Progress() []RestoreProgress {
	var all []RestoreProgress
	for _, st := range s.all() {
		if p := st.progress.Load(); p != nil {
			all = append(all, *p)
		}
	}
	return all
}

// rebuilds limits how often a store may turn out not to fit its topic while it is opened.
const rebuilds = 3

// restore brings the store to the end of its topic.
func (h *handle) restore() error {
	select { // waits its turn: each restore holds some megabytes
	case h.store.of.restores <- struct{}{}:
		defer func() { <-h.store.of.restores }()
	case <-h.ctx.Done():
		return h.ctx.Err()
	}
	for range rebuilds {
		misfit, err := h.restoreOnce()
		if err != nil || misfit == nil {
			return err
		}
		if err := h.store.rebuild(h, "does not fit its topic", misfit); err != nil {
			return err
		}
	}
	return ErrMisfit
}

// errRemade says that a topic was deleted and made again under its name.
var errRemade = errors.New("the topic was made anew")

// restoreOnce reads what the store lacks. misfit says why the store can't be of this topic.
func (h *handle) restoreOnce() (misfit, err error) {
	id, err := h.topicID()
	if err != nil {
		return nil, err
	}
	point := *h.store.point.Load()
	if point.set && point.topic != id {
		return errRemade, nil
	}
	named := point
	named.topic = id
	h.store.point.Store(&named)
	r := &restorer{handle: h, progress: RestoreProgress{
		Topic: h.store.at.topic, Partition: h.store.at.partition, Began: time.Now(), End: -1,
	}}
	defer h.store.progress.Store(nil)
	from := kafka.FromStart
	if point.set {
		from = point.next
	}
	// Options of one's own for each client: franz-go changes what it is given.
	opts, err := h.store.of.options.Kafka.Options()
	if err != nil {
		return nil, err
	}
	_, err = kafka.ReadPartition(h.ctx, opts,
		kafka.Range{Topic: h.store.at.topic, Partition: h.store.at.partition, From: from}, r.apply)
	r.finish(err)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) {
		return err, nil
	}
	return nil, err
}

// topicID asks for the topic's ID, which tells it from others of its name.
func (h *handle) topicID() (id [16]byte, err error) {
	opts, err := h.store.of.options.Kafka.Options()
	if err != nil {
		return id, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return id, fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(h.ctx, topicIDTimeout)
	defer cancel()
	topics, err := kadm.NewClient(client).ListTopics(ctx, h.store.at.topic)
	if err != nil {
		return id, fmt.Errorf("look up the topic: %w", err)
	}
	topic := topics[h.store.at.topic]
	if topic.Err != nil {
		return id, fmt.Errorf("look up the topic: %w", topic.Err)
	}
	return topic.ID, nil
}

// topicIDTimeout limits the look-up of a topic: a cluster that can't answer that within a minute
// is tried again by whoever opens the store.
const topicIDTimeout = time.Minute

// restorer applies what is read.
type restorer struct {
	*handle
	progress RestoreProgress
	logged   time.Time
	read     bool
}

// apply takes some records, with the offset after them, in one batch: a restore that is cut off
// goes on from there.
func (r *restorer) apply(records []*kgo.Record, p kafka.Progress) error {
	if !r.read {
		r.read, r.progress.Start, r.logged = true, p.Start, time.Now()
	}
	bytes := 0
	for _, record := range records {
		bytes += len(record.Key) + len(record.Value) + rowOverhead
	}
	var b batch
	if err := r.store.use(r.handle, func(back backend) error {
		b = back.batch(bytes)
		return nil
	}); err != nil {
		return err
	}
	defer b.release()
	for _, record := range records {
		if err := r.project(b, record); err != nil {
			return fmt.Errorf("offset %d: %w", record.Offset, err)
		}
	}
	if err := r.write(b, p.Next); err != nil {
		return err
	}
	r.progress.Next, r.progress.End = p.Next, p.End
	r.progress.Records += int64(len(records))
	now := r.progress
	r.store.progress.Store(&now)
	r.store.of.options.Metrics.restored(r.store.of, r.store.at.topic, len(records))
	r.logProgress(p)
	return nil
}

func (r *restorer) logProgress(p kafka.Progress) {
	if time.Since(r.logged) < r.store.of.options.LogInterval {
		return
	}
	r.logged = time.Now()
	r.store.log.Info("restoring", "next", p.Next, "end", p.End, "records", r.progress.Records,
		"left", r.progress.Left(r.logged).Round(time.Second), "openTransaction", p.Held,
		"fault", p.Fault)
}

// finish says how it went.
func (r *restorer) finish(err error) {
	took := time.Since(r.progress.Began)
	if err != nil {
		r.store.log.Warn("restore ended early; what was restored is kept", "error", err,
			"records", r.progress.Records, "next", r.progress.Next, "took", took)
		return
	}
	r.store.log.Info("restored", "from", r.progress.Start, "to", r.progress.Next,
		"records", r.progress.Records, "took", took)
}
