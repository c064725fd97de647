package rebuild

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Board is what the topic says. It is a plain value: whoever shares it guards it.
type Board struct {
	groups map[string]*groupBoard
	order  int // of requests, by their newest record
}

type groupBoard struct {
	refolds    map[string]*Refold
	partitions map[int32]*partitionBoard
}

type partitionBoard struct {
	owner    *owner
	refolded *refolded
}

// Refold is a request with what came of it.
type Refold struct {
	Request
	// Progress of each partition, by its number.
	Progress []Progress
	order    int
}

// Apply takes a record in; a nil value removes what was there under its key. A record that nobody of us
// has written is an error, and changes nothing.
func (b *Board) Apply(recordKey, value []byte) error {
	k, err := parseKey(string(recordKey))
	if err != nil {
		return err
	}
	g := b.group(k.group)
	switch {
	case k.request != "" && k.partition == none:
		err = g.request(k.request, value, &b.order)
	case k.request != "":
		err = g.progress(k, value)
	case k.refolded:
		err = set(&g.partition(k.partition).refolded, value)
	default:
		err = set(&g.partition(k.partition).owner, value)
	}
	if err != nil {
		return fmt.Errorf("refolds: the record %s: %w", recordKey, err)
	}
	return nil
}

func (b *Board) group(name string) *groupBoard {
	g := b.groups[name]
	if g == nil {
		g = &groupBoard{refolds: make(map[string]*Refold), partitions: make(map[int32]*partitionBoard)}
		if b.groups == nil {
			b.groups = make(map[string]*groupBoard)
		}
		b.groups[name] = g
	}
	return g
}

func (g *groupBoard) partition(p int32) *partitionBoard {
	if g.partitions[p] == nil {
		g.partitions[p] = new(partitionBoard)
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

func (g *groupBoard) request(id string, value []byte, order *int) error {
	if value == nil {
		delete(g.refolds, id)
		return nil
	}
	var r Request
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	if err := checkPartitions(r.Partitions); err != nil {
		return err
	}
	known := g.refold(id)
	known.resize(int(r.Partitions))
	*order++
	known.Request, known.order = r, *order
	return nil
}

// refold returns what is known under a request's ID. Compaction may have removed the request where it
// stood first, so that its progress comes before it.
func (g *groupBoard) refold(id string) *Refold {
	if g.refolds[id] == nil {
		g.refolds[id] = new(Refold)
	}
	return g.refolds[id]
}

func (r *Refold) resize(partitions int) {
	for len(r.Progress) < partitions {
		r.Progress = append(r.Progress, Progress{Stage: Waiting})
	}
	r.Progress = r.Progress[:partitions]
}

func (g *groupBoard) progress(k key, value []byte) error {
	if k.partition >= maxPartitions {
		return fmt.Errorf("there is no partition %d", k.partition)
	}
	if value == nil && g.refolds[k.request] == nil {
		return nil
	}
	p := Progress{Stage: Waiting}
	if value != nil {
		if err := json.Unmarshal(value, &p); err != nil {
			return err
		}
	}
	r := g.refold(k.request)
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
func (r *Refold) clone() Refold {
	c := *r
	c.Progress = slices.Clone(r.Progress)
	return c
}

// Refolds returns the refolds of a group, or of all when the name is empty: the newest first.
func (b *Board) Refolds(group string) []Refold {
	var all []Refold
	for name, g := range b.groups {
		if group != "" && name != group {
			continue
		}
		for _, r := range g.refolds {
			if r.order > 0 { // else its request is still to come
				all = append(all, r.clone())
			}
		}
	}
	slices.SortFunc(all, func(a, b Refold) int { return b.order - a.order })
	return all
}

// Refold returns the refold with the ID, of whichever group.
func (b *Board) Refold(id string) (Refold, bool) {
	for _, g := range b.groups {
		if r := g.refolds[id]; r != nil && r.order > 0 {
			return r.clone(), true
		}
	}
	return Refold{}, false
}

// Open returns the refold that a group is at: the oldest that has not ended.
func (b *Board) Open(group string) (Refold, bool) {
	all := b.Refolds(group)
	for _, r := range slices.Backward(all) {
		if !r.Stage().Final() {
			return r, true
		}
	}
	return Refold{}, false
}

// Stage is how far the refold as a whole is: as far as the partition that is least far. It has failed
// when it has ended and any partition has failed.
func (r *Refold) Stage() Stage {
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
func (r *Refold) current() Stage {
	order := []Stage{Waiting, Folding, Comparing, Closing}
	furthest := 0
	for _, p := range r.Progress {
		furthest = max(furthest, slices.Index(order, p.Stage))
	}
	return order[furthest]
}

// Totals adds up what is known of all partitions. SecondsLeft and
// LongestStep are the longest of any.
func (r *Refold) Totals() (t Progress) {
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
func (b *Board) FoldVersion(group string, p int32) (version int, known bool) {
	g := b.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].owner == nil {
		return firstVersion, false
	}
	of := g.partitions[p]
	if r := of.refolded; r != nil && r.Session == of.owner.Session {
		return r.Version, true
	}
	return of.owner.Version, true
}

// Refolded names the last refold of a partition that went well; empty: none has.
func (b *Board) Refolded(group string, p int32) string {
	g := b.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].refolded == nil {
		return ""
	}
	r := g.partitions[p].refolded
	return r.Session + " " + r.Time.UTC().Format(time.RFC3339Nano)
}

// session is that of the worker which has taken a partition over last.
func (b *Board) session(group string, p int32) string {
	g := b.groups[group]
	if g == nil || g.partitions[p] == nil || g.partitions[p].owner == nil {
		return ""
	}
	return g.partitions[p].owner.Session
}

// Table is what is known of a partition of a group's table.
type Table struct {
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"` // its owner, or the last one
	// FoldVersion is the rows', WorkersFoldVersion the owner's. A lower one of the rows: a refold is due.
	FoldVersion        int `json:"foldVersion"`
	WorkersFoldVersion int `json:"workersFoldVersion"`
}

// Tables returns what is known of the partitions of a group's table.
func (b *Board) Tables(group string) []Table {
	g := b.groups[group]
	if g == nil {
		return nil
	}
	var all []Table
	for _, p := range slices.Sorted(maps.Keys(g.partitions)) {
		if o := g.partitions[p].owner; o != nil {
			version, _ := b.FoldVersion(group, p)
			all = append(all, Table{
				Partition: p, Worker: o.Worker, FoldVersion: version, WorkersFoldVersion: o.Own,
			})
		}
	}
	return all
}

// Groups returns the groups of which anything is known, by name.
func (b *Board) Groups() []string { return slices.Sorted(maps.Keys(b.groups)) }
