package simulate_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
	"refold/owners"
)

// simulation is one run of a schedule.
type simulation struct {
	*schedule
	number  int64
	network kfake.VirtualNetwork
	cluster *kfake.Cluster
	client  *kgo.Client // the load's and the checker's
	workers []*worker
	logger  *slog.Logger

	ending    chan struct{}
	processes sync.WaitGroup // those that are dead, too

	mu       sync.Mutex
	seen     map[request]int
	sent     map[request]int // the same, for latencies; those of the read side, too
	reads    reads
	alive    map[int]*process // the present ones, by worker
	happened []bool           // by fault
	breaches []string
	leader   int32
	refusals []*kfake.FaultHandle
	stores   int // that were compared
	rewrites []rewrite
	refolded int           // partitions
	mended   int           // rows, by that
	tableID  kadm.TopicID  // of the table's topic that is known
	remaking int           // tables that are made again, and not filled
	over     bool          // no table is made again any more
	closed   chan struct{} // while no process may be started
}

// request is a kind of request of one worker.
type request struct {
	worker int
	key    int16
}

// verdict is what came of a schedule.
type verdict struct {
	breaches []string
	happened []bool
	stores   int // on disks that were compared
	rewrites int // that were committed
	refolded int // partitions, wholly
	mended   int // rows, by that
	reads    reads
	stopped  bool          // time stood still
	lasted   time.Duration // as those in the simulation take it
}

// numbers tell simulations of one process apart, for directories are locked by name.
var numbers atomic.Int64

// patience is how long after the last record all of them must be done, whatever has gone wrong.
const patience = 3 * time.Minute

// simulate runs a schedule. It must be called in a bubble of package synctest.
func simulate(of *schedule) verdict {
	s := &simulation{
		schedule: of, number: numbers.Add(1), logger: newLogger(), ending: make(chan struct{}),
		seen: make(map[request]int), sent: make(map[request]int), happened: make([]bool, len(of.faults)),
		alive: make(map[int]*process),
	}
	began := time.Now()
	if err := s.begin(); err != nil {
		return verdict{breaches: []string{err.Error()}}
	}
	defer s.cluster.Close()
	defer s.client.Close()
	var keepers sync.WaitGroup
	for i, plan := range of.workers {
		w := &worker{simulation: s, index: i, plan: plan, files: vfs.NewCrashableMem()}
		w.dir = w.directory(0)
		s.workers = append(s.workers, w)
		keepers.Go(w.keep)
	}
	endReaders := s.startReaders()
	s.load()
	s.settle()
	s.allAnswer()
	endReaders()
	close(s.ending)
	keepers.Wait()
	s.processes.Wait()
	for _, refusal := range s.refusals {
		refusal.Remove() // what has met no request would meet the checker's
	}
	s.check()
	return verdict{
		breaches: s.breaches, happened: s.happened, stores: s.stores, rewrites: s.rewritten(),
		refolded: s.refolded, mended: s.mended, reads: s.reads, lasted: time.Since(began),
	}
}

// rewritten is how many rewrites were committed.
func (s *simulation) rewritten() (n int) {
	for _, of := range s.rewrites {
		if of.err == nil && len(of.keys) > 0 {
			n++
		}
	}
	return n
}

// begin starts the cluster.
func (s *simulation) begin() (err error) {
	ports := []int{9092, 9093}
	s.cluster, err = kfake.NewCluster(
		kfake.NumBrokers(s.brokers), kfake.Ports(ports[:s.brokers]...),
		kfake.ListenFn(s.network.Listen), kfake.GroupMinSessionTimeout(time.Second),
		kfake.SeedTopics(s.partitions, in, out), local.TransactionVersion(s.transaction))
	if err != nil {
		return err
	}
	err = s.cluster.CreateTopic(table, s.partitions, map[string]string{"cleanup.policy": "compact"})
	if err != nil {
		return err
	}
	if err := s.cluster.CreateTopic(ownersTopic, 1, owners.Topic("", 1).Config); err != nil {
		return err
	}
	s.lead(0)
	settings := s.settings("load")
	settings.Dial = s.network.DialContext
	options, err := settings.Options()
	if err != nil {
		return err
	}
	s.client, err = kgo.NewClient(options...)
	if err != nil {
		return err
	}
	ids, err := kafka.TopicIDs(context.Background(), s.client, table)
	s.tableID = ids[table]
	return err
}

// lead makes a broker the leader of everything. Not some of it: a franz-go client that asks for its
// producer ID anew does so with a mutex in hand, for which the goroutine of another leader's requests
// would wait; and while one waits for a mutex, time in the bubble stands still.
func (s *simulation) lead(broker int32) {
	for _, topic := range []string{in, out, table} {
		for p := range s.partitions {
			if err := s.cluster.MoveTopicPartition(topic, p, broker); err != nil {
				s.breach("move %s/%d: %v", topic, p, err)
			}
		}
	}
	if err := s.cluster.MoveTopicPartition(ownersTopic, 0, broker); err != nil {
		s.breach("move %s: %v", ownersTopic, err)
	}
}

// breach notes that a promise was broken.
func (s *simulation) breach(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.breaches = append(s.breaches, fmt.Sprintf(format, args...))
}

// keys is how many there are: few, so that each has many records.
const keys = 12

// load sends the records.
func (s *simulation) load() {
	n := 0
	for _, b := range s.bursts {
		<-time.After(b.after)
		for range b.records {
			value := fmt.Sprint(n)
			switch {
			case b.idle:
				value += idles
			case n%29 == 28 && !s.refolds():
				value += closes
			}
			r := &kgo.Record{Topic: in, Key: fmt.Append(nil, "key-", n*7%keys), Value: []byte(value)}
			s.client.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					s.breach("the load: %v", err)
				}
			})
			n++
		}
		if err := s.client.Flush(context.Background()); err != nil {
			s.breach("the load: %v", err)
		}
	}
}

// settle waits until the group has all that was sent.
func (s *simulation) settle() {
	last := error(nil)
	for began := time.Now(); time.Since(began) < patience; <-time.After(time.Second) {
		if last = s.lag(); last == nil {
			last = s.end()
		}
		if last == nil {
			return
		}
	}
	s.breach("%v after the last record: %v", patience, last)
}

// lag is what the group has not committed yet; nil: nothing.
func (s *simulation) lag() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := kadm.NewClient(s.client)
	committed, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, in)
	if err != nil {
		return err
	}
	for p := range s.partitions {
		end, _ := ends.Lookup(in, p)
		if end.Err != nil {
			return end.Err
		}
		at, known := committed.Lookup(in, p)
		if at.Err != nil {
			return at.Err
		}
		if end.Offset > 0 && (!known || at.At != end.Offset) {
			return fmt.Errorf("the group is at %d of %d in partition %d", at.At, end.Offset, p)
		}
	}
	return nil
}
