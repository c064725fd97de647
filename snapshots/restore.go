package snapshots

import (
	"context"
	"errors"
	"fmt"
	"time"

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
func (h *handle) restore(ctx context.Context) error {
	at := h.store.at
	h.store.progress.Store(&RestoreProgress{
		Topic: at.Topic, Partition: at.Partition, End: -1, Began: time.Now(),
	})
	defer h.store.progress.Store(nil)
	select { // waits its turn: each restore holds some megabytes
	case h.store.of.restores <- struct{}{}:
		defer func() { <-h.store.of.restores }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for range rebuilds {
		misfit, err := h.restoreOnce(ctx)
		if err != nil || misfit == nil {
			return err
		}
		reason := reasonMisfit
		if errors.Is(misfit, errRefiled) {
			reason = reasonRefiled
		}
		if err := h.store.rebuild(h, reason, misfit); err != nil {
			return err
		}
	}
	return ErrMisfit
}

// restoreOnce reads what the store lacks. misfit says why the store can't be of this topic, or of
// this projection.
func (h *handle) restoreOnce(ctx context.Context) (misfit, err error) {
	topic := h.store.at.Topic
	id, err := h.store.of.topicID(ctx, topic)
	if err != nil {
		return nil, err
	}
	point := *h.store.point.Load()
	switch {
	case point.set && point.topic != id:
		return errRemade, nil
	case point.set && point.version != h.project.Version:
		return fmt.Errorf("%w: it was %q and is %q", errRefiled, point.version, h.project.Version), nil
	}
	point.topic, point.version = id, h.project.Version
	from := kafka.FromStart
	if point.set {
		from = point.next
	}
	r := &restorer{handle: h, ctx: ctx, point: point, progress: *h.store.progress.Load()}
	r.progress.Began = time.Now()
	client, err := h.store.of.reader()
	if err != nil {
		return nil, err
	}
	_, err = kafka.ReadPartitionBy(ctx, client,
		kafka.Range{Topic: topic, Partition: h.store.at.Partition, From: from}, r.apply)
	h.store.of.keepReader(client)
	r.finish(err)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) || errors.Is(err, errForgotten) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	// The topic may have been made anew after its ID was asked for and before it was read.
	again, err := h.store.of.topicID(ctx, topic)
	if err == nil && again != id {
		return errRemade, nil
	}
	return nil, err
}

// reader returns a client that reads one partition at a time: an answer that waits for an open transaction
// holds up all that is asked behind it on the same connection. Most restores read a few records, behind what
// a standby has, and would spend more on connections than on these.
func (s *Stores) reader() (*kgo.Client, error) {
	select {
	case client := <-s.readers:
		return client, nil
	default:
	}
	// Options of one's own for each client: franz-go changes what it is given.
	opts, err := s.options.Kafka.Options()
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return client, nil
}

// keepReader keeps a client for the next restore. There are never more than may run at once, but those of a
// restore that ends after Close.
func (s *Stores) keepReader(client *kgo.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		client.Close()
		return
	}
	s.readers <- client
}

// closeReaders closes the clients that no restore uses.
func (s *Stores) closeReaders() {
	for {
		select {
		case client := <-s.readers:
			client.Close()
		default:
			return
		}
	}
}

// restorer applies what is read.
type restorer struct {
	*handle
	ctx      context.Context //nolint:containedctx // for the time of one reading
	point    checkpoint      // of the store
	progress RestoreProgress
	logged   time.Time
	read     bool // the ends of the log are known
}

// apply takes some records, with the offset after them, in one batch: a restore that is cut off
// goes on from there.
func (r *restorer) apply(records []*kgo.Record, p kafka.Progress) error {
	if p.End < 0 {
		// Where the log begins is not known yet: a fault is told, and Next may be FromStart.
		r.report(p, 0)
		return nil
	}
	if !r.read {
		if err := r.begin(p); err != nil {
			return err
		}
	}
	point := r.point
	point.next, point.set = p.Next, true
	if p.Next == p.End {
		point.since = r.progress.Began.UnixMilli()
	}
	if point != r.point {
		if err := r.write(records, point); err != nil {
			return err
		}
	}
	r.report(p, len(records))
	return nil
}

// begin checks that nothing is missing between the store and the end.
func (r *restorer) begin(p kafka.Progress) error {
	r.read, r.progress.Start = true, p.Start
	if !r.point.set {
		r.point.since = r.progress.Began.UnixMilli()
		return nil
	}
	if p.Next == p.End {
		return nil // nothing was written since, so nothing was deleted
	}
	return r.store.of.mayHaveForgotten(r.ctx, r.store.at.Topic, r.point.since)
}

func (r *restorer) write(records []*kgo.Record, point checkpoint) error {
	if r.store.spare != nil {
		if err := r.store.spare(); err != nil {
			return err
		}
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
		if err := r.project.File(b, record); err != nil {
			return fmt.Errorf("offset %d: %w", record.Offset, err)
		}
	}
	if err := r.handle.write(b, point); err != nil {
		return err
	}
	r.point = point
	return nil
}

// report makes progress known.
func (r *restorer) report(p kafka.Progress, records int) {
	r.progress.Next, r.progress.End = p.Next, p.End
	r.progress.Records += int64(records)
	now := r.progress
	r.store.progress.Store(&now)
	r.store.of.options.Metrics.restored(r.store.of, r.store.at.Topic, records)
	r.logProgress(p)
}

func (r *restorer) logProgress(p kafka.Progress) {
	if r.logged.IsZero() {
		r.logged = r.progress.Began
	}
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
