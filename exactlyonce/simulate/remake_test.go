package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
)

// In some simulations the table's topic is deleted, and another one made under its name, empty. Workers may
// handle nothing by it: a row that is missing there is no key's first. Then an operator does what a runbook
// says, with all workers stopped: rows are made anew, and the topic is accepted.

// How long until an operator comes: longer than the group takes to do without a worker that is lost, and
// workers to look for themselves.
const (
	leastMisled = 2 * sessionTimeout
	mostMisled  = 5 * sessionTimeout
)

// remakes adds such a fault to every sixth schedule.
func (s *schedule) remakes(r *rand.Rand) {
	const oneIn = 6
	if r.IntN(oneIn) > 0 {
		return
	}
	weights := make([]int, len(targets))
	for i, t := range targets {
		if s.transaction == 1 || !t.v1only {
			weights[i] = t.weight
		}
	}
	t := targets[weighted(r, weights)]
	f := fault{ // early, while most is still to come
		number: len(s.faults), kind: remade, worker: r.IntN(len(s.workers)), key: t.key,
		nth:   1 + r.IntN((t.most+1)/2),
		lasts: leastMisled + time.Duration(r.Int64N(int64(mostMisled-leastMisled))),
	}
	if r.IntN(3) > 0 {
		f.disk = diskEmpty
	}
	s.faults = append(s.faults, f)
}

// hasRemake reports whether workers have to look which topic the table is in.
func (s *schedule) hasRemake() bool {
	return slices.ContainsFunc(s.faults, func(f fault) bool { return f.kind == remade })
}

// quietAfter is how long after the last worker has stopped nothing of it can come any more: requests that are
// held have arrived, and transactions that were left open have been aborted.
const quietAfter = 2*transactionTimeout + 5*time.Second

// loseTable makes the table again below a process. Of some the disk is lost at the same time: what a worker
// with all rows on its disk goes on with is right for as long as it runs.
func (p *process) loseTable(f fault, to *fate) {
	p.of.remake(f.lasts)
	if f.disk == diskEmpty {
		f.lasts %= time.Second // it is back long before an operator comes
		to.answered = func() { p.crash(f) }
	}
}

// remake lets the table be another one, and an operator come.
func (s *simulation) remake(lasts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.remaking++
	s.processes.Go(func() {
		s.replace(lasts)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remaking--
	})
}

// end lets no table be made again from now on, unless that is going on.
func (s *simulation) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remaking > 0 {
		return errors.New("the table has not been filled again")
	}
	s.over = true
	return nil
}

// replace is the operator, and what made it necessary.
func (s *simulation) replace(lasts time.Duration) {
	if err := s.replaceTable(); err != nil {
		s.breach("the table could not be made again: %v", err)
		return
	}
	if !s.pauses(lasts) { // workers find out
		return
	}
	s.stopAll()
	defer s.startAll()
	if !s.pauses(quietAfter) {
		return
	}
	if err := s.reset(); err != nil {
		s.breach("the table could not be filled again: %v", err)
	}
}

// pauses lets time pass, and reports whether the simulation goes on.
func (s *simulation) pauses(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-s.ending:
		return false
	}
}

func (s *simulation) replaceTable() error {
	s.mu.Lock()
	s.rewrites = nil // they will be gone; from now on it is not known in which topic they are
	s.mu.Unlock()
	if err := s.cluster.DeleteTopic(table); err != nil {
		return err
	}
	err := s.cluster.CreateTopic(table, s.partitions, map[string]string{"cleanup.policy": "compact"})
	if err != nil {
		return err
	}
	s.mu.Lock()
	leader := s.leader
	s.mu.Unlock()
	s.lead(leader)
	return nil
}

// stopAll stops all processes, and keeps others from being started.
func (s *simulation) stopAll() {
	s.mu.Lock()
	s.closed = make(chan struct{})
	s.mu.Unlock()
	<-time.After(time.Millisecond) // one that was just being started has been
	s.mu.Lock()
	var alive []*process
	for _, p := range s.alive {
		alive = append(alive, p)
	}
	s.mu.Unlock()
	for _, p := range alive {
		p.leave(departure{})
		p.stop()
	}
	for _, p := range alive {
		<-p.ended
	}
}

func (s *simulation) startAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.closed)
	s.closed = nil
}

// mayStart waits until processes may be started; false if the simulation ends first.
func (w *worker) mayStart() bool {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed == nil {
		return true
	}
	select {
	case <-closed:
		return true
	case <-w.ending:
		return false
	}
}

// reset writes the rows of all that the group has handled, and accepts the topic.
func (s *simulation) reset() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	committed, err := kadm.NewClient(s.client).FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // nobody has joined it yet
		return err
	}
	for p := range s.partitions {
		inputs, err := s.readTopic(in, p)
		if err != nil {
			return err
		}
		handled, _ := committed.Lookup(in, p)
		if handled.Err != nil {
			return handled.Err
		}
		rows := make(map[string]string)
		for _, r := range inputs {
			if r.Offset < handled.At {
				rows[string(r.Key)], _ = fold(rows[string(r.Key)], string(r.Value))
			}
		}
		for key, row := range rows {
			record := &kgo.Record{Topic: table, Key: []byte(key)}
			if row != "" {
				record.Value = []byte(row)
			}
			if err := s.client.ProduceSync(ctx, record).FirstErr(); err != nil {
				return err
			}
		}
	}
	ids, err := kafka.TopicIDs(ctx, s.client, table)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tableID = ids[table]
	return nil
}

// fit is exactlyonce.Config.Fit of a process: nothing is handled by another table than the one that is known.
func (p *process) fit(client *kgo.Client) func(context.Context, []int32) (map[int32]error, error) {
	return func(ctx context.Context, _ []int32) (map[int32]error, error) {
		ids, err := kafka.TopicIDs(ctx, client, table)
		if err != nil {
			return nil, err
		}
		s := p.of.simulation
		s.mu.Lock()
		defer s.mu.Unlock()
		if found := ids[table]; found != s.tableID {
			return nil, fmt.Errorf("%w: the table's ID is %s, not %s", exactlyonce.ErrUnfit, found, s.tableID)
		}
		return nil, nil
	}
}

// unfit reports whether a process ended because the table is another one, as it must.
func (s *simulation) unfit(err error) bool {
	return s.hasRemake() && errors.Is(err, exactlyonce.ErrUnfit)
}
