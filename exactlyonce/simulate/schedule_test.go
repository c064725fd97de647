package simulate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// schedule is all that a seed decides: the cluster, the load, and what goes wrong when. When is
// counted in requests of a worker, never in time, so that a schedule is the same on any machine; how
// goroutines interleave in between is left to the Go runtime.
type schedule struct {
	seed        uint64
	transaction int16 // transaction.version
	brokers     int
	partitions  int32
	workers     []plan
	bursts      []burst
	faults      []fault
	standbys    bool
}

// plan is how a worker begins.
type plan struct {
	after   time.Duration
	ownID   bool // a transactional ID of its own for each life, not one that is kept
	records int  // of a batch, at most
}

// burst is a number of records that are sent at once, after a pause.
type burst struct {
	after   time.Duration
	records int
	idle    bool // nothing comes of them
}

// kind is what goes wrong.
type kind int

const (
	requestLost kind = iota
	answerLost
	requestHeld
	refused
	crashBefore // the process dies before the request leaves
	crashAfter  // … when the broker has done it
	stopped     // the process is asked to stop
	zombie      // heartbeats and this request are held back while the group goes on
	slow        // a callback takes as long, and heartbeats are held back meanwhile
	cut         // the worker reaches nobody
	allCut      // nor does any other
	leadersMove
	coordinatorsMove
	forbidden // a right is taken from all workers
	remade    // the table's topic is deleted and made again
	// These faults happen at the nth request that a pod forwards.
	ownerDies      // the other pod dies before it reads
	ownerDiesLater // … when it has read, before it answers
	forwardLost    // the answer is lost
	forwardHeld    // the request arrives late
	nowhere        // the address leads nowhere, for a while
	twoOwners      // the other pod is held back while the group goes on without it
	oldDirectory   // the pod that forwards does not hear for a while who owns what
	kinds
)

var kindNames = [kinds]string{
	"request lost", "answer lost", "request held", "refused", "crash before", "crash after", "stopped",
	"zombie", "slow callback", "cut off", "all cut off", "leaders move", "coordinators move",
	"a right is taken", "table made again", "owner dies", "owner dies before it answers",
	"forwarded answer lost", "forwarded request held", "address leads nowhere", "two owners", "old directory",
}

func (k kind) String() string { return kindNames[k] }

// disk is what a process finds on its disk after a crash.
type disk int

const (
	diskSynced   disk = iota // what was made durable
	diskMore                 // and some of what was not
	diskDamaged              // a file is not what it was
	diskOld                  // what it was in the life before: restored from a backup
	diskEmpty                // a new one
	diskOutcomes             // how many there are
)

var diskNames = [diskOutcomes]string{"synced", "partly synced", "damaged", "old", "empty"}

func (d disk) String() string { return diskNames[d] }

// fault is one thing that goes wrong: at the nth request of a kind that a worker sends, over all its
// lives.
type fault struct {
	number int // in the schedule
	kind   kind
	worker int
	key    kmsg.Key
	nth    int
	lasts  time.Duration // of what is held, or until the next life
	disk   disk
	err    *kerr.Error
	right  right
}

func (f fault) String() string {
	name := f.key.Name()
	if f.key == webKey {
		name = "forwarded request"
	}
	s := fmt.Sprintf("worker %d, %s no. %d: %v", f.worker, name, f.nth, f.kind)
	switch f.kind {
	case requestHeld, zombie, slow, cut, allCut, forwardHeld, nowhere, twoOwners, oldDirectory:
		s += fmt.Sprintf(" for %v", f.lasts)
	case refused:
		s += " with " + f.err.Message
	case crashBefore, crashAfter, ownerDies, ownerDiesLater:
		s += fmt.Sprintf(", back after %v with a disk that is %v", f.lasts, f.disk)
	case stopped:
		s += fmt.Sprintf(", back after %v", f.lasts)
	case forbidden:
		s += fmt.Sprintf(" for %v: to %v", f.lasts, f.right)
	case remade:
		s += fmt.Sprintf(", and filled %v later", f.lasts)
		if f.disk == diskEmpty {
			s += "; the worker's disk is lost, too"
		}
	case requestLost, answerLost, leadersMove, coordinatorsMove, forwardLost, kinds:
	}
	return s
}

func (s *schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d workers, %d brokers, transaction.version %d, %d partitions, standbys: %t\n",
		s.seed, len(s.workers), s.brokers, s.transaction, s.partitions, s.standbys)
	for _, f := range s.faults {
		fmt.Fprintf(&b, "  fault %d: %v\n", f.number, f)
	}
	return b.String()
}

// target is a kind of request at which things go wrong.
type target struct {
	key    kmsg.Key
	weight int
	most   int // it is the nth of at most so many
	errs   []*kerr.Error
	v1only bool // with transaction.version 1
}

// targets are the requests of an engine, those of a transaction more often than others.
var targets = []target{
	{kmsg.Produce, 5, 15, []*kerr.Error{
		kerr.NotEnoughReplicas, kerr.InvalidProducerEpoch, kerr.UnknownServerError,
	}, false},
	{kmsg.TxnOffsetCommit, 5, 15, []*kerr.Error{
		kerr.IllegalGeneration, kerr.CoordinatorLoadInProgress, kerr.UnknownServerError,
		kerr.ProducerFenced, kerr.RequestTimedOut,
	}, false},
	{kmsg.EndTxn, 7, 15, []*kerr.Error{
		kerr.UnknownServerError, kerr.ProducerFenced, kerr.CoordinatorNotAvailable,
		kerr.TransactionAbortable, kerr.ConcurrentTransactions,
	}, false},
	{kmsg.OffsetCommit, 2, 3, []*kerr.Error{kerr.IllegalGeneration, kerr.NotCoordinator}, false},
	{kmsg.AddPartitionsToTxn, 2, 12, []*kerr.Error{
		kerr.CoordinatorLoadInProgress, kerr.InvalidProducerEpoch, kerr.ConcurrentTransactions,
	}, true},
	{kmsg.AddOffsetsToTxn, 2, 12, []*kerr.Error{kerr.NotCoordinator, kerr.ProducerFenced}, true},
	{kmsg.InitProducerID, 2, 4, []*kerr.Error{kerr.CoordinatorLoadInProgress}, false},
	{kmsg.OffsetFetch, 2, 6, []*kerr.Error{kerr.UnstableOffsetCommit, kerr.NotCoordinator}, false},
	{kmsg.Fetch, 3, 30, []*kerr.Error{kerr.NotLeaderForPartition, kerr.OffsetOutOfRange}, false},
	{kmsg.Heartbeat, 2, 10, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID}, false},
	{kmsg.JoinGroup, 2, 5, []*kerr.Error{kerr.NotCoordinator}, false},
	{kmsg.SyncGroup, 2, 4, []*kerr.Error{kerr.RebalanceInProgress}, false},
	{kmsg.ListOffsets, 2, 8, []*kerr.Error{kerr.NotLeaderForPartition}, false},
	{kmsg.LeaveGroup, 1, 2, []*kerr.Error{kerr.CoordinatorNotAvailable}, false},
	{kmsg.Metadata, 1, 10, nil, false},
	{kmsg.FindCoordinator, 1, 4, []*kerr.Error{kerr.CoordinatorNotAvailable}, false},
}

// kindWeights says how often each kind happens.
var kindWeights = [kinds]int{
	requestLost: 4, answerLost: 6, requestHeld: 3, refused: 4, crashBefore: 3, crashAfter: 5,
	stopped: 3, zombie: 5, slow: 2, cut: 2, allCut: 1, leadersMove: 1, coordinatorsMove: 1,
}

// newSchedule makes the schedule of a seed.
func newSchedule(seed uint64) *schedule {
	r := rand.New(rand.NewPCG(seed, 0))
	seconds := func(least, most float64) time.Duration {
		return time.Duration((least + (most-least)*r.Float64()) * float64(time.Second))
	}
	s := &schedule{
		seed: seed, transaction: 1 + int16(r.IntN(2)), brokers: 1 + r.IntN(2),
		partitions: 2 + int32(r.IntN(3)),
	}
	for range 2 + r.IntN(2) {
		s.workers = append(s.workers, plan{
			after: seconds(0, 4), ownID: r.IntN(4) == 0, records: 5 + r.IntN(60),
		})
	}
	for range 20 + r.IntN(20) {
		s.bursts = append(s.bursts, burst{seconds(0, 1), 1 + r.IntN(30), r.IntN(6) == 0})
	}
	for i := range 1 + r.IntN(7) {
		f := s.newFault(r, seconds)
		f.number = i
		s.faults = append(s.faults, f)
	}
	// Dice of their own: the other faults of a seed stay what they were.
	s.takeRights(rand.New(rand.NewPCG(seed, 1)))
	s.remakes(rand.New(rand.NewPCG(seed, 2)))
	s.misread(rand.New(rand.NewPCG(seed, 3)))
	return s
}

func (s *schedule) newFault(r *rand.Rand, seconds func(least, most float64) time.Duration) fault {
	k := kind(weighted(r, kindWeights[:]))
	weights := make([]int, len(targets))
	for i, t := range targets {
		if (k != refused || t.errs != nil) && (s.transaction == 1 || !t.v1only) {
			weights[i] = t.weight
		}
	}
	t := targets[weighted(r, weights)]
	f := fault{
		kind: k, worker: r.IntN(len(s.workers)), key: t.key, nth: 1 + r.IntN(t.most),
		lasts: seconds(0, 6), disk: disk(weighted(r, []int{5, 5, 2, 2, 2})),
	}
	switch k {
	case refused:
		f.err = t.errs[r.IntN(len(t.errs))]
	case zombie, slow:
		f.lasts = sessionTimeout + seconds(0, 5)
	case cut, allCut:
		f.lasts *= 2
	case requestHeld:
		if r.IntN(4) == 0 {
			f.lasts = transactionTimeout + seconds(-1, 2)
		}
	default:
	}
	return f
}

// misread adds one to three faults of the read side, and decides whether there are standbys.
func (s *schedule) misread(r *rand.Rand) {
	s.standbys = r.IntN(2) == 0
	seconds := func(least, most float64) time.Duration {
		return time.Duration((least + (most-least)*r.Float64()) * float64(time.Second))
	}
	const most = 80 // as many are forwarded in most schedules
	for range 1 + r.IntN(3) {
		f := fault{
			number: len(s.faults), kind: ownerDies + kind(r.IntN(int(kinds-ownerDies))),
			worker: r.IntN(len(s.workers)), key: webKey, nth: 1 + r.IntN(most),
			lasts: seconds(0, 6), disk: disk(weighted(r, []int{5, 5, 2, 2, 2})),
		}
		switch f.kind {
		case twoOwners:
			f.lasts = sessionTimeout + seconds(0, 5)
		case forwardHeld: // also longer than a lease, or than the pod that forwards waits
			f.lasts *= 2
		case nowhere, oldDirectory:
			f.lasts *= 6 // also longer than an announcement counts
		default:
		}
		s.faults = append(s.faults, f)
	}
}

// latency is how long the nth request of a kind takes to the broker, and its answer back: 0.1 to 1.1 ms,
// as within a data centre.
func (s *schedule) latency(of request, n int) time.Duration {
	r := rand.New(rand.NewPCG(s.seed, uint64(of.worker)<<48|uint64(of.key)<<32|uint64(n)))
	return 100*time.Microsecond + time.Duration(r.Int64N(int64(time.Millisecond)))
}

// weighted picks an index, each as often as its weight says.
func weighted(r *rand.Rand, weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	panic("unreachable")
}
