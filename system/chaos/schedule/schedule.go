package schedule

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// Schedule is a run: what goes wrong, in the order of beginnings.
type Schedule struct {
	Seed   uint64   `json:"seed"`
	Length Duration `json:"length"`
	Faults []Fault  `json:"faults"`
	// Remade and Last are what happens, one after the other, to the topics that are their Targets when
	// all others have been survived.
	Remade Fault `json:"remade"`
	Last   Fault `json:"last"`
}

// Workers and Brokers are how many there are, and maxHurt how many workers may have a fault at a time.
const (
	Workers = 3
	Brokers = 3
	maxHurt = 2
)

// Times that the workers' and brokers' settings give: a pause has to be longer than these to make
// a zombie of a worker, or transactions end without a broker.
const (
	SessionTimeout     = 10 * time.Second
	TransactionTimeout = 15 * time.Second
)

// growing are the topics that may be given a partition more, and lastLane the dice for which.
var growing = []string{
	"account-commands", "account-events", "account-results", "accounts-table", "order-commands",
	"order-events", "order-results", "orders-table", "order-payments-loop",
}

// remaking are the topics that may be deleted and made again: those whose content can be made anew from
// what is in the others.
var remaking = []string{"accounts-table", "orders-table"}

const (
	lastLane = 1_000 + iota
	remadeLane
)

// Lanes that have dice of their own, by number: what is added comes last.
const (
	workersLane = iota
	brokersLane
	registryLane
	loadLane
	poisonLane
	rebuildsLane
	rightsLane
	refusalsLane
	peersLane
	storesLane
	modelsLane
)

// plans are what the lanes plan, by number.
var plans = []func(*lane){
	workersLane: workers, brokersLane: brokers, registryLane: registry, loadLane: load,
	poisonLane: poison, rebuildsLane: rebuilds, rightsLane: takenRights, refusalsLane: refusals,
	peersLane: peers, storesLane: stores, modelsLane: modelRebuilds,
}

// Only returns the schedule of a seed in which nothing happens but faults of these kinds, which are
// those of workers, of their peers and of stores, TakeRight, RefuseSchema, RebuildModel and RemakeTopic: to
// show what one kind of fault does to a program, or to one that lacks what protects it.
func Only(seed uint64, length time.Duration, kinds ...Kind) (Schedule, error) {
	s := Schedule{Seed: seed, Length: Duration(length)}
	var ofWorkers, ofPeers, ofStores []odds
	for _, kind := range kinds {
		is := func(o odds) bool { return o.kind == kind }
		worker, peer := slices.IndexFunc(workerOdds, is), slices.IndexFunc(peerOdds, is)
		store := slices.IndexFunc(storeOdds, is)
		switch {
		case kind == TakeRight:
			s.plan(rightsLane, nil)
		case kind == RefuseSchema:
			s.plan(refusalsLane, nil)
		case kind == RebuildModel:
			s.plan(modelsLane, nil)
		case kind == RemakeTopic:
			s.Remade = remade(seed, length)
		case worker >= 0:
			ofWorkers = append(ofWorkers, workerOdds[worker])
		case peer >= 0:
			ofPeers = append(ofPeers, peerOdds[peer])
		case store >= 0:
			ofStores = append(ofStores, storeOdds[store])
		default:
			return s, fmt.Errorf("%q is no fault that may come alone", kind)
		}
	}
	if ofWorkers != nil {
		s.plan(workersLane, ofWorkers)
	}
	if ofPeers != nil {
		s.plan(peersLane, ofPeers)
	}
	if ofStores != nil {
		s.plan(storesLane, ofStores)
	}
	s.sort()
	return s, nil
}

// New returns the schedule of a seed. All faults have ended after its length.
func New(seed uint64, length time.Duration) Schedule {
	s := Schedule{Seed: seed, Length: Duration(length)}
	for number := range plans {
		s.plan(number, nil)
	}
	s.sort()
	s.Remade = remade(seed, length)
	last := newLane(seed, lastLane, length)
	s.Last = Fault{
		At: s.Length, Kind: GrowTopic, Target: growing[last.dice.IntN(len(growing))],
	}
	return s
}

// plan adds the faults of a lane; those of workers, peers or stores are of these odds, if any are given.
func (s *Schedule) plan(number int, choices []odds) {
	l := newLane(s.Seed, uint64(number), time.Duration(s.Length))
	l.odds = choices
	plans[number](l)
	s.Faults = append(s.Faults, l.faults...)
}

func (s *Schedule) sort() {
	slices.SortStableFunc(s.Faults, func(a, b Fault) int { return int(a.At - b.At) })
}

func remade(seed uint64, length time.Duration) Fault {
	l := newLane(seed, remadeLane, length)
	return Fault{
		At: Duration(length), Kind: RemakeTopic, Target: remaking[l.dice.IntN(len(remaking))],
		Choice: l.dice.Uint64(),
	}
}

// Write writes the schedule to a file, to be read by Read.
func (s *Schedule) Write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the schedule: %w", err)
	}
	return nil
}

// Read reads a schedule, to run it again. Faults may have been taken out of it.
func Read(path string) (Schedule, error) {
	var s Schedule
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("reading the schedule %s: %w", path, err)
	}
	return s, nil
}
