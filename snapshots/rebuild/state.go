package rebuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// State is what the topic says. It is a plain value: whoever shares it guards it.
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

// Rebuild is a request with what came of it.
type Rebuild struct {
	Request
	// Progress of each partition, by its number.
	Progress []PartitionProgress
	order    int
}

// Apply takes a record in; a nil value removes what was there under its key. A record that nobody of us
// has written is an error, and changes nothing.
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

// maxPartitions is as many as a topic may have (config: topics.partitions). Records are believed that far:
// each partition takes some 300 bytes here.
const maxPartitions = 10_000

// checkPartitions holds a request to a number of partitions that a table can have. A request for none would
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

// rebuild returns what is known under a request's ID. Compaction may have removed the request where it
// stood first, so that its progress comes before it.
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

// clone is a copy that does not change.
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
			if r.order > 0 { // else its request is still to come
				all = append(all, r.clone())
			}
		}
	}
	slices.SortFunc(all, func(a, b Rebuild) int { return b.order - a.order })
	return all
}

// Rebuild returns the rebuild with the ID, of whichever group.
func (s *State) Rebuild(id string) (Rebuild, bool) {
	for _, g := range s.groups {
		if r := g.rebuilds[id]; r != nil && r.order > 0 {
			return r.clone(), true
		}
	}
	return Rebuild{}, false
}

// Open returns the rebuild that a group is at: the oldest that has not ended.
func (s *State) Open(group string) (Rebuild, bool) {
	all := s.Rebuilds(group)
	for _, r := range slices.Backward(all) {
		if !r.Stage().Final() {
			return r, true
		}
	}
	return Rebuild{}, false
}

// Stage is how far the rebuild as a whole is: as far as the partition that is least far. It has failed
// when it has ended and any partition has failed.
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

// current is the stage of the partition that is furthest of those that have not ended.
func (r *Rebuild) current() Stage {
	order := []Stage{Waiting, Folding, Comparing, Closing}
	furthest := 0
	for _, p := range r.Progress {
		furthest = max(furthest, slices.Index(order, p.Stage))
	}
	return order[furthest]
}

// Totals adds up what is known of all partitions. SecondsLeft and
// LongestStep are the longest of any.
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

// firstVersion is the fold version of rows that were made before there were fold versions.
const firstVersion = 1

// FoldVersion returns the fold version of a partition's rows, and whether any worker has said so yet.
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

// Refolded names the last rebuild of a partition that went well; empty: none has.
func (s *State) Refolded(group string, p int32) string {
	g := s.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].refolded == nil {
		return ""
	}
	r := g.partitions[p].refolded
	return r.Session + " " + r.Time.UTC().Format(time.RFC3339Nano)
}

// session is that of the worker which has taken a partition over last.
func (s *State) session(group string, p int32) string {
	g := s.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].owner == nil {
		return ""
	}
	return g.partitions[p].owner.Session
}

// PartitionVersions is what is known of a partition of a group's table.
type PartitionVersions struct {
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"` // its owner, or the last one
	// FoldVersion is the rows', WorkersFoldVersion the owner's. A lower one of the rows: a rebuild is due.
	FoldVersion        int `json:"foldVersion"`
	WorkersFoldVersion int `json:"workersFoldVersion"`
}

// Partitions returns what is known of the partitions of a group's table.
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

// Groups returns the groups of which anything is known, by name.
func (s *State) Groups() []string { return slices.Sorted(maps.Keys(s.groups)) }
