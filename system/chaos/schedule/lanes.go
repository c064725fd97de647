package schedule

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Rests between faults of one sort, on average, and the least between two of brokers: followers
// have to catch up before another may be missing.
const (
	workerRest   = 5 * time.Second
	brokerRest   = 20 * time.Second
	leastRest    = 20 * time.Second
	registryRest = 90 * time.Second
	loadRest     = 60 * time.Second
	poisonRest   = 25 * time.Second
	rebuildRest  = 20 * time.Second
	rightRest    = 30 * time.Second
	refusalRest  = 45 * time.Second
	peersRest    = 15 * time.Second
	storesRest   = 30 * time.Second
	modelsRest   = 35 * time.Second
)

// firstAt leaves time for something to happen that can go wrong.
const firstAt = 5 * time.Second

// lane is the faults of one sort. Each has dice of its own: what is changed in one leaves the
// others as they are.
type lane struct {
	dice   *rand.Rand
	length time.Duration
	at     time.Duration
	faults []Fault
	odds   []odds // of workers, peers or stores; none: workerOdds, peerOdds, storeOdds
}

func newLane(seed, number uint64, length time.Duration) *lane {
	return &lane{dice: rand.New(rand.NewPCG(seed, number)), length: length, at: firstAt}
}

// rest lets time pass, so much on average.
func (l *lane) rest(mean time.Duration) {
	l.at += time.Duration(l.dice.ExpFloat64() * float64(mean)).Truncate(time.Millisecond)
}

// between returns a time, in tenths of seconds.
func (l *lane) between(least, most time.Duration) Duration {
	const step = 100 * time.Millisecond
	return Duration(least + step*time.Duration(l.dice.Int64N(int64((most-least)/step)+1)))
}

// add plans a fault at the lane's time, if there is time left; false if not.
func (l *lane) add(f Fault) bool {
	f.At, f.Choice = Duration(l.at), l.dice.Uint64()
	if time.Duration(f.End()) > l.length {
		return false
	}
	l.faults = append(l.faults, f)
	return true
}

// odds is a kind with how often it comes, beside the others, and how long it lasts.
type odds struct {
	kind        Kind
	weight      int
	least, most time.Duration
}

// pick chooses among kinds by their weights.
func (l *lane) pick(all []odds) Fault {
	sum := 0
	for _, o := range all {
		sum += o.weight
	}
	dice := l.dice.IntN(sum)
	for _, o := range all {
		if dice -= o.weight; dice < 0 {
			return Fault{Kind: o.kind, Lasts: l.between(o.least, o.most)}
		}
	}
	panic("schedule: the weights don't sum up to their sum")
}

var network = []odds{
	{Cut, 3, 3 * time.Second, 30 * time.Second},
	{CutRequests, 2, 3 * time.Second, 25 * time.Second},
	{CutAnswers, 2, 3 * time.Second, 25 * time.Second},
	{LoseAnswers, 4, time.Second, 10 * time.Second},
	{Delay, 3, 5 * time.Second, 20 * time.Second},
}

var workerOdds = append([]odds{
	{KillWorker, 14, 0, 8 * time.Second},
	{PauseWorker, 7, SessionTimeout + 2*time.Second, SessionTimeout + 15*time.Second},
	{StopWorker, 3, 0, 5 * time.Second},
	{RollWorkers, 1, 30 * time.Second, 30 * time.Second},
	{FullDisk, 2, 5 * time.Second, 20 * time.Second},
	{DamageStore, 2, 0, 3 * time.Second},
	{DeleteStore, 2, 0, 3 * time.Second},
	{StoreAhead, 2, 0, 3 * time.Second},
	{KillAnswering, 4, 0, 8 * time.Second},
	{LostAddress, 2, 8 * time.Second, 25 * time.Second},
}, network...)

var peerOdds = []odds{
	{CutPeers, 3, 2 * time.Second, 15 * time.Second},
	{HangPeers, 3, 3 * time.Second, 20 * time.Second},
	{DelayPeers, 1, 5 * time.Second, 20 * time.Second},
}

// workers plans the faults of workers, their disks and their network.
func workers(l *lane) {
	choices := l.odds
	if choices == nil {
		choices = workerOdds
	}
	var hurtUntil [Workers]time.Duration // by worker
	for {
		l.rest(workerRest)
		f := l.pick(choices)
		if f.Kind == RollWorkers {
			l.at = max(l.at, slices.Max(hurtUntil[:]))
			if !l.add(f) {
				return
			}
			l.at += time.Duration(f.Lasts)
			continue
		}
		worker := l.whole(hurtUntil)
		f.Target, f.Broker = WorkerName(worker), l.broker(f.Kind)
		if !l.add(f) {
			return
		}
		hurtUntil[worker] = l.at + time.Duration(f.Lasts)
	}
}

// whole waits until fewer than maxHurt workers have a fault, and chooses one that has none.
func (l *lane) whole(hurtUntil [Workers]time.Duration) int {
	for {
		var free []int
		next := l.length + time.Hour
		for worker, until := range hurtUntil {
			if until <= l.at {
				free = append(free, worker)
			} else {
				next = min(next, until)
			}
		}
		if Workers-len(free) < maxHurt {
			return free[l.dice.IntN(len(free))]
		}
		l.at = next
	}
}

// broker chooses, for a fault of the network, one of the brokers or all, which is 0.
func (l *lane) broker(kind Kind) int {
	isNetwork := slices.ContainsFunc(network, func(o odds) bool { return o.kind == kind })
	if isNetwork && l.dice.IntN(2) == 0 {
		return 1 + l.dice.IntN(Brokers)
	}
	return 0
}

// brokers plans the faults of brokers, one at a time.
func brokers(l *lane) {
	roles := []string{Leader, GroupCoordinator, TransactionCoordinator, Controller, AnyBroker}
	for {
		l.rest(brokerRest)
		f := l.pick([]odds{
			{KillBroker, 5, 0, 20 * time.Second},
			{StopBroker, 1, 0, 10 * time.Second},
			{PauseBroker, 1, 2 * time.Second, TransactionTimeout},
			{PauseBroker, 3, TransactionTimeout + 3*time.Second, TransactionTimeout + 20*time.Second},
		})
		f.Target = roles[l.dice.IntN(len(roles))]
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts) + leastRest
	}
}

func registry(l *lane) {
	for {
		l.rest(registryRest)
		f := Fault{Kind: RegistryDown, Lasts: l.between(3*time.Second, 40*time.Second)}
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

// load plans the faults of the network between the load and the brokers.
func load(l *lane) {
	for {
		l.rest(loadRest)
		f := l.pick(network)
		f.Target, f.Broker = Load, l.broker(f.Kind)
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

func poison(l *lane) {
	for {
		l.rest(poisonRest)
		if !l.add(Fault{Kind: Poison}) {
			return
		}
	}
}

func rebuilds(l *lane) {
	for {
		l.rest(rebuildRest)
		f := l.pick([]odds{
			{Rebuild, 4, 0, 0},
			{DryRebuild, 1, 0, 0},
			{CancelRebuild, 2, 0, 15 * time.Second},
		})
		f.Target = []string{Accounts, Orders}[l.dice.IntN(2)]
		if !l.add(f) {
			return
		}
	}
}

// rights are what workers may do and need all the time, as realkafka.ParseRight reads it. "all" is what is
// left when somebody removes the rule that allows a topic, and one worker's transactions go by its name.
var rights = []string{
	"read topic account-commands", "read topic order-commands", "read topic order-events",
	"read topic account-results", "all topic account-commands", "all topic order-commands",
	"write topic account-events", "write topic account-results", "write topic accounts-table",
	"write topic order-events", "write topic order-results", "write topic orders-table",
	"write topic account-commands", "write topic order-commands", "all topic accounts-table",
	"read group accounts", "read group orders", "read group order-payments",
	"write transactional-id " + WorkerName(0), "write transactional-id " + WorkerName(1),
	"write transactional-id " + WorkerName(2),
}

// takenRights plans the rights that are taken from workers, one at a time.
func takenRights(l *lane) {
	for {
		l.rest(rightRest)
		f := Fault{Kind: TakeRight, Target: rights[l.dice.IntN(len(rights))]}
		f.Lasts = l.between(5*time.Second, 40*time.Second)
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

// refusals plans the schemas that the registry refuses, one at a time.
func refusals(l *lane) {
	for {
		l.rest(refusalRest)
		f := Fault{Kind: RefuseSchema, Lasts: l.between(10*time.Second, 40*time.Second)}
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

// peers plans the faults between pods, one at a time.
func peers(l *lane) {
	choices := l.odds
	if choices == nil {
		choices = peerOdds
	}
	for {
		l.rest(peersRest)
		f := l.pick(choices)
		f.Target = WorkerName(l.dice.IntN(Workers))
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

var storeOdds = []odds{
	{KillStore, 3, 0, 15 * time.Second},
	{PauseStore, 2, time.Second, 20 * time.Second},
}

// stores plans the faults of the servers of read models, one at a time. What all but one of them are kept in
// has most of them.
func stores(l *lane) {
	choices := l.odds
	if choices == nil {
		choices = storeOdds
	}
	for {
		l.rest(storesRest)
		f := l.pick(choices)
		f.Target = []string{Postgres, Postgres, Redis}[l.dice.IntN(3)]
		if !l.add(f) {
			return
		}
		l.at += time.Duration(f.Lasts)
	}
}

// modelRebuilds plans rebuilds of read models.
func modelRebuilds(l *lane) {
	for {
		l.rest(modelsRest)
		f := Fault{Kind: RebuildModel, Target: ReadModels[l.dice.IntN(len(ReadModels))]}
		if !l.add(f) {
			return
		}
	}
}
