package rebuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// State is the fold of the topic: requests, progress and fold versions. It is not safe for concurrent use;
// Topic guards its own.
type State struct {
	groups map[string]*groupState
	order  int // of requests, by their newest record
}

type groupState struct {
	rebuilds   map[string]*Rebuild
	partitions map[int32]*partitionState
}

type partitionState struct {
	owner    *owner
	refolded *refolded
}

// Rebuild is a request with its progress.
type Rebuild struct {
	Request
	// Progress of each partition, by its number.
	Progress []PartitionProgress
	order    int
}

// Apply folds a record in. A nil value removes what was there under its key. A record that this package did
// not write is an error, and changes nothing.
func (s *State) Apply(recordKey, value []byte) error {
	k, err := parseKey(string(recordKey))
	if err != nil {
		return err
	}
	g := s.group(k.group)
	switch {
	case k.request != "" && k.partition == none:
		err = g.request(k.request, value, &s.order)
	case k.request != "":
		err = g.progress(k, value)
	case k.refolded:
		err = set(&g.partition(k.partition).refolded, value)
	default:
		err = set(&g.partition(k.partition).owner, value)
	}
	if err != nil {
		return fmt.Errorf("rebuild: the record %s: %w", recordKey, err)
	}
	return nil
}

func (s *State) group(name string) *groupState {
	g := s.groups[name]
	if g == nil {
		g = &groupState{rebuilds: make(map[string]*Rebuild), partitions: make(map[int32]*partitionState)}
		if s.groups == nil {
			s.groups = make(map[string]*groupState)
		}
		s.groups[name] = g
	}
	return g
}

func (g *groupState) partition(p int32) *partitionState {
	if g.partitions[p] == nil {
		g.partitions[p] = new(partitionState)
	}
	return g.partitions[p]
}

// maxPartitions is as many partitions as a topic may have (config: topics.partitions). It limits what a
// record can make this package allocate: some 300 bytes for each partition.
const maxPartitions = 10_000

// checkPartitions returns ErrPartitions unless a table can have so many partitions. A request for none would
// be done as soon as it is written.
func checkPartitions(n int32) error {
	if n < 1 || n > maxPartitions {
		return fmt.Errorf("%w: %d; allowed are 1 to %d", ErrPartitions, n, maxPartitions)
	}
	return nil
}

func (g *groupState) request(id string, value []byte, order *int) error {
	if value == nil {
		delete(g.rebuilds, id)
		return nil
	}
	var r Request
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	if err := checkPartitions(r.Partitions); err != nil {
		return err
	}
	known := g.rebuild(id)
	known.resize(int(r.Partitions))
	*order++
	known.Request, known.order = r, *order
	return nil
}

// rebuild returns the entry of a request's ID, and makes it if there is none: compaction may have removed the
// request's first record, so that its progress comes before it.
func (g *groupState) rebuild(id string) *Rebuild {
	if g.rebuilds[id] == nil {
		g.rebuilds[id] = new(Rebuild)
	}
	return g.rebuilds[id]
}

func (r *Rebuild) resize(partitions int) {
	for len(r.Progress) < partitions {
		r.Progress = append(r.Progress, PartitionProgress{Stage: Waiting})
	}
	r.Progress = r.Progress[:partitions]
}

func (g *groupState) progress(k key, value []byte) error {
	if k.partition >= maxPartitions {
		return fmt.Errorf("there is no partition %d", k.partition)
	}
	if value == nil && g.rebuilds[k.request] == nil {
		return nil
	}
	p := PartitionProgress{Stage: Waiting}
	if value != nil {
		if err := json.Unmarshal(value, &p); err != nil {
			return err
		}
	}
	r := g.rebuild(k.request)
	r.resize(max(len(r.Progress), int(k.partition)+1))
	r.Progress[k.partition] = p
	return nil
}

func set[T any](field **T, value []byte) error {
	if value == nil {
		*field = nil
		return nil
	}
	parsed := new(T)
	if err := json.Unmarshal(value, parsed); err != nil {
		return err
	}
	*field = parsed
	return nil
}

// clone returns a copy that later records do not change.
func (r *Rebuild) clone() Rebuild {
	c := *r
	c.Progress = slices.Clone(r.Progress)
	return c
}

// Rebuilds returns the rebuilds of a group, or of all when the name is empty: the newest first.
func (s *State) Rebuilds(group string) []Rebuild {
	var all []Rebuild
	for name, g := range s.groups {
		if group != "" && name != group {
			continue
		}
		for _, r := range g.rebuilds {
			if r.order > 0 { // otherwise the request has not been read yet
				all = append(all, r.clone())
			}
		}
	}
	slices.SortFunc(all, func(a, b Rebuild) int { return b.order - a.order })
	return all
}

// Rebuild returns the rebuild with the ID, of any group.
func (s *State) Rebuild(id string) (Rebuild, bool) {
	for _, g := range s.groups {
		if r := g.rebuilds[id]; r != nil && r.order > 0 {
			return r.clone(), true
		}
	}
	return Rebuild{}, false
}

// Open returns the rebuild that a group works on: the oldest that has not ended.
func (s *State) Open(group string) (Rebuild, bool) {
	all := s.Rebuilds(group)
	for _, r := range slices.Backward(all) {
		if !r.Stage().Final() {
			return r, true
		}
	}
	return Rebuild{}, false
}

// Stage is the stage of the rebuild as a whole. It is Waiting until a partition begins, then that of the
// furthest partition, and it ends when all have ended: as Failed if any has failed.
func (r *Rebuild) Stage() Stage {
	if r.Cancelled != nil {
		return Cancelled
	}
	failed, ended, begun := false, true, false
	for _, p := range r.Progress {
		failed = failed || p.Stage == Failed
		ended = ended && p.Stage.Final()
		begun = begun || p.Stage != Waiting
	}
	switch {
	case !ended && !begun:
		return Waiting
	case !ended:
		return r.current()
	case failed:
		return Failed
	default:
		return Done
	}
}

// current is the furthest stage of the partitions that have not ended.
func (r *Rebuild) current() Stage {
	order := []Stage{Waiting, Folding, Comparing, Closing}
	furthest := 0
	for _, p := range r.Progress {
		furthest = max(furthest, slices.Index(order, p.Stage))
	}
	return order[furthest]
}

// Totals returns the sums over all partitions. SecondsLeft and LongestStep are the maxima, and Stage is the
// rebuild's.
func (r *Rebuild) Totals() (t PartitionProgress) {
	t.Stage = r.Stage()
	for _, p := range r.Progress {
		t.EventsRead += p.EventsRead
		t.EventsTotal += p.EventsTotal
		t.Differing += p.Differing
		t.Equal += p.Equal
		t.Changed += p.Changed
		t.Added += p.Added
		t.Removed += p.Removed
		t.Steps += p.Steps
		t.LongestStep = max(t.LongestStep, p.LongestStep)
		if !p.Stage.Final() {
			t.Rate += p.Rate
			t.SecondsLeft = max(t.SecondsLeft, p.SecondsLeft)
		}
	}
	return t
}

// firstVersion is the fold version of rows that are older than fold versions.
const firstVersion = 1

// FoldVersion returns the fold version of a partition's rows, and whether a worker has recorded one.
func (s *State) FoldVersion(group string, p int32) (version int, known bool) {
	g := s.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].owner == nil {
		return firstVersion, false
	}
	of := g.partitions[p]
	if r := of.refolded; r != nil && r.Session == of.owner.Session {
		return r.Version, true
	}
	return of.owner.Version, true
}

// Refolded returns a name for the last time a partition was refolded; empty: it never was.
func (s *State) Refolded(group string, p int32) string {
	g := s.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].refolded == nil {
		return ""
	}
	r := g.partitions[p].refolded
	return r.Session + " " + r.Time.UTC().Format(time.RFC3339Nano)
}

// session is the session of the worker that took a partition over last.
func (s *State) session(group string, p int32) string {
	g := s.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].owner == nil {
		return ""
	}
	return g.partitions[p].owner.Session
}

// PartitionVersions is the owner of a partition of a group's table, and the fold versions of both.
type PartitionVersions struct {
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"` // its owner, or the last one
	// FoldVersion is that of the rows, WorkersFoldVersion the owner's. If that of the rows is lower, a
	// rebuild is due.
	FoldVersion        int `json:"foldVersion"`
	WorkersFoldVersion int `json:"workersFoldVersion"`
}

// Partitions returns the partitions of a group's table that a worker has ever taken over, by number.
func (s *State) Partitions(group string) []PartitionVersions {
	g := s.groups[group]
	if g == nil {
		return nil
	}
	var all []PartitionVersions
	for _, p := range slices.Sorted(maps.Keys(g.partitions)) {
		if o := g.partitions[p].owner; o != nil {
			version, _ := s.FoldVersion(group, p)
			all = append(all, PartitionVersions{
				Partition: p, Worker: o.Worker, FoldVersion: version, WorkersFoldVersion: o.Own,
			})
		}
	}
	return all
}

// Groups returns the groups that the topic has records of, by name.
func (s *State) Groups() []string { return slices.Sorted(maps.Keys(s.groups)) }
