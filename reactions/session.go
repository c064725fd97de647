package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

const (
	// lagInterval is the time between two looks at the ends of the partitions, for the lag.
	lagInterval = 5 * time.Second
	// fetchMaxWait is how long a broker waits for something new. A partition that comes waits for the end of
	// the fetch that is under way.
	fetchMaxWait = 250 * time.Millisecond
	// fetchBytes is what a broker may send ahead. Events are sent one by one, and so need no more.
	fetchBytes = 1 << 20
	// commitPause is the pause after a commit that failed.
	commitPause = 200 * time.Millisecond
)

// session is a membership in the group, from its beginning to a fault or to the end of ctx.
func (r *Runner) session(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	client, err := r.o.Kafka.Client(
		kgo.ConsumerGroup(r.group), kgo.ConsumeTopics(r.events, r.replay),
		// Where offsets are lost, nothing must be passed over, and nothing sent again: that is a fault.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtCommitted()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.KeepControlRecords(), // else the end of a partition would never be reached
		kgo.FetchMaxWait(fetchMaxWait), kgo.FetchMaxBytes(fetchBytes),
		kgo.AutoCommitMarks(), kgo.BlockRebalanceOnPoll(), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.OnPartitionsAssigned(r.assigned),
		kgo.OnPartitionsRevoked(func(_ context.Context, cl *kgo.Client, gone map[string][]int32) {
			r.gone(gone)
			r.commitLast(cl)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) {
			r.gone(lost)
		}),
	)
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the settings
	}
	defer client.CloseAllowingRebalance()
	beside, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { r.commit(beside, client) })
	group.Go(func() { r.watchLag(beside, client) })
	defer group.Wait()
	defer cancel()
	defer r.commitLast(client)
	defer r.goneAll()
	return r.poll(ctx, client)
}

// poll hands records to the lines of their partitions.
func (r *Runner) poll(ctx context.Context, client *kgo.Client) error {
	for {
		fetches := client.PollRecords(ctx, r.o.Records)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it is to end
		}
		var errs []error
		fetches.EachError(func(topic string, partition int32, err error) {
			l := r.line(kafka.TopicPartition{Topic: topic, Partition: partition})
			if l != nil && errors.Is(err, kerr.OffsetOutOfRange) {
				l.lost()
				return
			}
			errs = append(errs, fmt.Errorf("fetch %s/%d: %w", topic, partition, err))
		})
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) == 0 {
				return
			}
			at := kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}
			if l := r.line(at); l != nil {
				l.add(p.Records)
			} else {
				errs = append(errs, fmt.Errorf("records of %s came, which is not assigned", at))
			}
		})
		client.AllowRebalance()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
}

func (r *Runner) line(at kafka.TopicPartition) *line {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines[at]
}

// assigned begins lines.
func (r *Runner) assigned(_ context.Context, client *kgo.Client, came map[string][]int32) {
	client.ResumeFetchPartitions(came) // they may have been paused when they were here before
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, partitions := range came {
		for _, p := range partitions {
			at := kafka.TopicPartition{Topic: topic, Partition: p}
			r.lines[at] = begin(r, client, at)
		}
	}
}

// gone ends the lines of partitions. Nothing is marked for them afterwards.
func (r *Runner) gone(partitions map[string][]int32) {
	var ended []*line
	r.mu.Lock()
	for topic, some := range partitions {
		for _, p := range some {
			at := kafka.TopicPartition{Topic: topic, Partition: p}
			if l := r.lines[at]; l != nil {
				ended = append(ended, l)
				delete(r.lines, at)
			}
		}
	}
	r.mu.Unlock()
	for _, l := range ended {
		l.stop()
	}
	grace, cancel := context.WithTimeout(context.Background(), r.o.Grace)
	defer cancel()
	last, cancel := context.WithTimeout(context.Background(), 2*r.o.Grace)
	defer cancel()
	for _, l := range ended {
		l.end(grace, last)
	}
}

func (r *Runner) goneAll() {
	r.mu.Lock()
	all := make(map[string][]int32)
	for at := range r.lines {
		all[at.Topic] = append(all[at.Topic], at.Partition)
	}
	r.mu.Unlock()
	r.gone(all)
}

// commit commits what is marked, at once: what is not committed when a process dies is sent again.
func (r *Runner) commit(ctx context.Context, client *kgo.Client) {
	for {
		select {
		case <-r.marked:
		case <-ctx.Done():
			return
		}
		if err := client.CommitMarkedOffsets(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			r.faults.Failed(slog.LevelWarn, "commit", err)
			r.mark()
			kafka.Sleep(ctx, commitPause)
			continue
		}
		r.faults.Ended("commit")
	}
}

func (r *Runner) mark() {
	select {
	case r.marked <- struct{}{}:
	default:
	}
}

// commitLast commits before partitions go.
func (r *Runner) commitLast(client *kgo.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Grace)
	defer cancel()
	if err := client.CommitMarkedOffsets(ctx); err != nil {
		r.log.Warn("what was sent last could not be committed; it is sent again under the same keys",
			"error", err)
	}
}

// watchLag measures the lag every few seconds. A session that has lived for so long is well: one that fails
// ends.
func (r *Runner) watchLag(ctx context.Context, client *kgo.Client) {
	admin := kadm.NewClient(client)
	for {
		if ends, err := admin.ListEndOffsets(ctx, r.events, r.replay); err == nil {
			r.measure(ends, client.CommittedOffsets())
		}
		if !kafka.Sleep(ctx, lagInterval) {
			return
		}
		r.well()
	}
}

func (r *Runner) measure(ends kadm.ListedOffsets, committed map[string]map[int32]kgo.EpochOffset) {
	r.mu.Lock()
	lines := slices.Collect(maps.Values(r.lines))
	r.mu.Unlock()
	var records int64
	var oldest time.Time
	for _, l := range lines {
		next, waits := l.next()
		if next < 0 {
			next = committed[l.at.Topic][l.at.Partition].Offset
		}
		if end, is := ends.Lookup(l.at.Topic, l.at.Partition); is && end.Err == nil {
			records += max(0, end.Offset-next)
		}
		if !waits.IsZero() && (oldest.IsZero() || waits.Before(oldest)) {
			oldest = waits
		}
	}
	var age time.Duration
	if !oldest.IsZero() {
		age = time.Since(oldest)
	}
	r.o.Metrics.lag(r.reaction.Name, records, age)
}
