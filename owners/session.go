package owners

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

// fetchBytes limits a fetch: the topic is small.
const fetchBytes = 256 << 10

// following names what fails, in the fault log.
const following = "following the topic of owners"

// Run follows the topic and announces what this pod owns until ctx ends. Then it takes back its
// announcements, and returns. A fault is logged, shows in Ready, and is followed by another try with a new
// client: a topic that was deleted and made again is another topic, which an old client may not notice. Run
// must be called once.
func (d *Directory) Run(ctx context.Context) {
	pause, faults := d.limits.RestartPauseMin, kafka.NewFaultLog(d.options.Logger)
	for {
		s := &session{Directory: d, faults: faults}
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errQuiet) {
			continue
		}
		if s.heard {
			pause = d.limits.RestartPauseMin
		}
		d.setTrouble(err)
		faults.Failed(slog.LevelWarn, following, err, "topic", d.options.Topic.Name, "in", pause)
		if !kafka.Sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, d.limits.RestartPauseMax)
	}
}

// session is one client's life.
type session struct {
	*Directory

	client *kgo.Client
	faults *kafka.FaultLog
	end    int64 // records below it were there before
	heard  bool  // something was read
}

// errQuiet says that nothing was heard for so long that it may be the client's fault. Where nobody owns
// anything that is how it should be.
var errQuiet = errors.New("nothing was heard")

func (s *session) run(ctx context.Context) (err error) {
	s.client, err = s.options.Kafka.Client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			s.options.Topic.Name: {0: kgo.NewOffset().AtStart()},
		}),
		kgo.FetchMaxBytes(fetchBytes), kgo.DefaultProduceTopic(s.options.Topic.Name),
		kgo.RecordDeliveryTimeout(s.limits.Timeout), kgo.ProducerLinger(0))
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	defer s.client.Close()
	if err := s.prepare(ctx); err != nil {
		return err
	}
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return s.follow(working) })
	group.Go(func() error { return s.announceAll(working) })
	err = group.Wait()
	if ctx.Err() != nil {
		s.takeBack(context.WithoutCancel(ctx))
	}
	return err //nolint:wrapcheck // they say what they were doing
}

// prepare makes the topic, if it may, and looks where it ends.
func (s *session) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Timeout)
	defer cancel()
	if s.options.Create {
		if _, err := kafka.Ensure(ctx, s.client, []kafka.TopicSpec{s.options.Topic}); err != nil {
			return fmt.Errorf("make the topic %s: %w", s.options.Topic.Name, err)
		}
	}
	ends, err := kadm.NewClient(s.client).ListEndOffsets(ctx, s.options.Topic.Name)
	s.end, err = kafka.OffsetOf(s.options.Topic.Name, 0)(ends, err)
	if err != nil {
		return fmt.Errorf("find the end of the topic %s: %w", s.options.Topic.Name, err)
	}
	return nil
}

// follow reads the topic until ctx ends or something fails. A pod that owns something hears itself, so that
// silence is a fault.
func (s *session) follow(ctx context.Context) error {
	if s.end == 0 {
		s.caughtUp()
	}
	for {
		polling, cancel := context.WithTimeout(ctx, s.limits.Fresh)
		fetches := s.client.PollFetches(polling)
		silent := polling.Err() != nil && fetches.Empty()
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err() //nolint:wrapcheck // it is the end, not a fault
		case silent && s.expected():
			return fmt.Errorf("nothing was heard for %v, not even of this pod itself", s.limits.Fresh)
		case silent:
			s.caughtUp() // all that was there before may have been deleted
			return errQuiet
		}
		for _, failed := range fetches.Errors() {
			return fmt.Errorf("read the topic %s: %w", failed.Topic, failed.Err)
		}
		s.take(fetches.Records())
	}
}

// expected reports whether there must be announcements: this pod's own come back.
func (s *session) expected() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.held) > 0
}

// take takes records in.
func (s *session) take(records []*kgo.Record) {
	for _, r := range records {
		if err := s.takeOne(r); err != nil {
			s.options.Logger.Warn("a record is left out", "topic", r.Topic, "offset", r.Offset, "error", err)
		}
		if r.Offset+1 >= s.end {
			s.caughtUp()
		}
	}
}

// caughtUp notes that all is known that was there before.
func (s *session) caughtUp() {
	if !s.heard {
		s.heard = true
		s.setTrouble(nil)
		s.faults.Ended(following)
	}
}

func (s *session) takeOne(r *kgo.Record) error {
	k, err := parseKey(r.Key)
	if err != nil {
		return err
	}
	var a *announcement
	if len(r.Value) > 0 {
		read, err := parse(r.Value)
		if err != nil {
			return err
		}
		a = &read
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k.instance == s.options.Instance {
		s.takeOwn(k.group, a)
		return nil
	}
	written := r.Timestamp
	if a != nil {
		written = a.At
	}
	if !s.table.put(k, a, r.Offset, written, s.options.Now(), r.Offset < s.end) {
		return fmt.Errorf("there are more than %d announcements", s.limits.Entries)
	}
	s.options.Metrics.received()
	return nil
}

// takeOwn takes in a record of this pod. One of an earlier life, of what it does not own now, is taken back.
func (s *session) takeOwn(group string, a *announcement) {
	s.announced[group] = a != nil
	if a != nil && s.held[group] == nil {
		s.changes[group] = true
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

// announceAll writes what this pod owns until ctx ends or a write fails: what has changed at once, all every
// interval.
func (s *session) announceAll(ctx context.Context) error {
	failed := make(chan error, 1)
	ticks := time.NewTicker(s.limits.Interval)
	defer ticks.Stop()
	s.announce(s.due(true), failed)
	for {
		select {
		case <-s.changed:
			s.announce(s.due(false), failed)
		case <-ticks.C:
			s.mu.Lock()
			s.table.forget(s.options.Now())
			s.mu.Unlock()
			s.announce(s.due(true), failed)
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err() //nolint:wrapcheck // it is the end, not a fault
		}
	}
}

// due returns the records that are to be written: of the groups that have changed, or of all.
func (s *session) due(all bool) (records []*kgo.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	groups := s.changes
	s.changes = make(map[string]bool)
	if all {
		for group := range s.held {
			groups[group] = true
		}
	}
	for group := range groups {
		r := &kgo.Record{Key: []byte(key{group, s.options.Instance}.String())}
		if own := s.held[group]; own != nil {
			a := announcement{s.options.Address, own.generation, own.partitions, own.since, s.options.Now()}
			var err error
			if r.Value, err = a.encode(); err != nil {
				s.options.Logger.Error("not announced", "group", group, "error", err)
				continue
			}
			s.announced[group] = true
		} else if !s.announced[group] {
			continue // nobody has heard of it
		} else {
			s.announced[group] = false
		}
		records = append(records, r)
	}
	return records
}

// announce writes records, in order. What fails ends the session; the next one announces everything.
func (s *session) announce(records []*kgo.Record, failed chan<- error) {
	for _, r := range records {
		s.client.TryProduce(context.Background(), r, func(r *kgo.Record, err error) {
			s.options.Metrics.announced(err)
			if err == nil {
				return
			}
			s.unannounced(r)
			select {
			case failed <- fmt.Errorf("announce %s: %w", r.Key, err):
			default: // one is enough
			}
		})
	}
}

// unannounced notes that a record may be missing from the topic, and is to be written again.
func (s *session) unannounced(r *kgo.Record) {
	k, err := parseKey(r.Key)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes[k.group] = true
	s.announced[k.group] = true // for all that is known, an earlier one is there
}

// takeBack writes tombstones of all that was announced: others should not come here any more.
func (s *session) takeBack(ctx context.Context) {
	s.mu.Lock()
	for group := range s.held {
		delete(s.held, group)
		s.changes[group] = true
	}
	s.mu.Unlock()
	records := s.due(false)
	ctx, cancel := context.WithTimeout(ctx, s.limits.Stop)
	defer cancel()
	// Once the client has sent records, it waits for an answer without limit. A stop does not.
	done := make(chan error, 1)
	go func() { done <- s.client.ProduceSync(ctx, records...).FirstErr() }() // ends with the client
	select {
	case err := <-done:
		if err != nil {
			s.options.Logger.Warn("announcements are not taken back; others will find that out by themselves",
				"error", err)
		}
	case <-ctx.Done():
	}
}
