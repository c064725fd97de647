package owners

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"refold/kafka"
)

// Limits bounds what a directory takes. Zero fields take their default.
type Limits struct {
	// Interval is how often a pod announces what it owns; 10 s. A record of some 200 bytes for each group.
	Interval time.Duration
	// Fresh is how long an announcement counts after it was received; 30 s. For so long others may still ask
	// a pod that has died. It must be longer than Interval.
	Fresh time.Duration
	// Skew is by how much clocks of pods may differ; 1 min. See the package on what it is for.
	Skew time.Duration
	// Entries limits how many announcements are kept; 100,000. Those beyond it are logged and left out.
	Entries int
	// Timeout limits a write, and the look for the end of the topic; 10 s.
	Timeout time.Duration
	// Stop limits how long tombstones may hold up the end of Run; 2 s.
	Stop time.Duration
	// RestartPauseMin and RestartPauseMax bound the pause after a fault; 250 ms, doubling to 15 s.
	RestartPauseMin, RestartPauseMax time.Duration
}

// WithDefaults returns the limits with the defaults in the place of zeros.
func (l Limits) WithDefaults() Limits {
	l.Interval = cmp.Or(l.Interval, 10*time.Second)
	l.Fresh = cmp.Or(l.Fresh, 30*time.Second)
	l.Skew = cmp.Or(l.Skew, time.Minute)
	l.Entries = cmp.Or(l.Entries, 100_000)
	l.Timeout = cmp.Or(l.Timeout, 10*time.Second)
	l.Stop = cmp.Or(l.Stop, 2*time.Second)
	l.RestartPauseMin = cmp.Or(l.RestartPauseMin, 250*time.Millisecond)
	l.RestartPauseMax = cmp.Or(l.RestartPauseMax, 15*time.Second)
	return l
}

func (l Limits) validate() error {
	if l.Interval < 0 || l.Fresh <= l.Interval || l.Skew < 0 || l.Entries < 0 || l.Timeout < 0 ||
		l.Stop < 0 || l.RestartPauseMin < 0 || l.RestartPauseMax < l.RestartPauseMin {
		return fmt.Errorf("owners: Options.Limits: none may be negative, Fresh not less than Interval, "+
			"RestartPauseMax not less than RestartPauseMin: %+v", l)
	}
	return nil
}

// Options say whose directory it is. Kafka, Topic, Instance, Address and Logger are required.
type Options struct {
	Kafka kafka.Settings
	// Topic is what the package's function Topic returns.
	Topic kafka.TopicSpec
	// Create lets Run make the topic if it is missing. It holds nothing that is worth keeping.
	Create bool
	// Instance is this pod's name: no other pod has it at the same time. It has no slash.
	Instance string
	// Address is where other pods reach this one, host:port. See the function Address.
	Address string
	Limits  Limits
	Metrics *Metrics // nil: none
	Logger  *slog.Logger
	// Now is this pod's clock; time.Now if nil.
	Now func() time.Time
}

// Pod is a pod that owns a partition.
type Pod struct {
	Instance, Address string
	Generation        int32
	// Since is when the pod got its partitions of the group, by its own clock.
	Since time.Time
	// Here says that it is this pod.
	Here bool
}

// held is what this pod owns of a group.
type held struct {
	generation int32
	partitions []int32 // ascending
	since      time.Time
}

func (h *held) has(partition int32) bool {
	_, has := slices.BinarySearch(h.partitions, partition)
	return has
}

// Directory knows which pod owns which partition, and tells others what this pod owns. It is safe for
// concurrent use. Nothing but Run waits for Kafka.
type Directory struct {
	options Options
	limits  Limits
	changed chan struct{} // there is something to announce

	mu        sync.RWMutex
	table     *table
	held      map[string]*held
	announced map[string]bool // groups of which the topic has a record of this pod
	changes   map[string]bool // groups to announce now
	trouble   error           // why the topic can't be followed; nil while it is
}

// New returns a directory that knows of this pod only; Run follows the topic.
func New(o Options) (*Directory, error) {
	o.Limits = o.Limits.WithDefaults()
	if o.Now == nil {
		o.Now = time.Now
	}
	switch {
	case o.Topic.Name == "" || o.Logger == nil:
		return nil, errors.New("owners: Options.Topic and Logger must be set")
	case o.Instance == "" || strings.Contains(o.Instance, "/"):
		return nil, fmt.Errorf("owners: Options.Instance is %q; it must be a name without a slash",
			o.Instance)
	case !isAddress(o.Address):
		return nil, fmt.Errorf("owners: Options.Address is %q; host:port is allowed", o.Address)
	}
	if err := o.Limits.validate(); err != nil {
		return nil, err
	}
	d := &Directory{
		options: o, limits: o.Limits, changed: make(chan struct{}, 1), table: newTable(o.Limits),
		held: make(map[string]*held), announced: make(map[string]bool), changes: make(map[string]bool),
		trouble: errors.New("the topic " + o.Topic.Name + " was not read yet"),
	}
	o.Metrics.attach(d)
	return d, nil
}

// Hold says what this pod owns of a group from now on, in the group's generation; nothing, if there are no
// partitions. It returns at once; other pods learn it as soon as the topic has it.
func (d *Directory) Hold(group string, generation int32, partitions []int32) {
	sorted := slices.Compact(slices.Sorted(slices.Values(partitions)))
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.held[group]
	switch {
	case len(sorted) == 0 && before == nil:
		return
	case len(sorted) == 0:
		delete(d.held, group)
	case before != nil && before.generation == generation && slices.Equal(before.partitions, sorted):
		return
	default:
		d.held[group] = &held{generation, sorted, d.options.Now()}
	}
	d.changes[group] = true
	select {
	case d.changed <- struct{}{}:
	default: // that there is something to announce is known already
	}
}

// Holds reports whether this pod owns the partition, by the last call of Hold.
func (d *Directory) Holds(group string, partition int32) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	own := d.held[group]
	return own != nil && own.has(partition)
}

// Owner returns the pod that owns a partition, as far as is known here; false: nobody is known. It is this
// pod if it holds the partition and nobody has announced a higher generation. It costs a look at each pod of
// the group.
func (d *Directory) Owner(group string, partition int32) (Pod, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	instance, best := d.table.owner(group, partition, d.options.Now())
	if own := d.held[group]; own != nil && own.has(partition) &&
		(best == nil || own.generation >= best.Generation) {
		return d.self(own), true
	}
	if best == nil {
		return Pod{}, false
	}
	return Pod{
		Instance: instance, Address: best.Address, Generation: best.Generation, Since: best.Since,
	}, true
}

// Self returns this pod, as the owner of nothing.
func (d *Directory) Self() Pod {
	return Pod{Instance: d.options.Instance, Address: d.options.Address, Here: true}
}

func (d *Directory) self(own *held) Pod {
	return Pod{
		Instance: d.options.Instance, Address: d.options.Address, Generation: own.generation,
		Since: own.since, Here: true,
	}
}

// Misled says that a pod, as Owner has returned it, can't be reached for a partition, or refused since it
// does not own it. Owner does not return the pod for this partition before it has announced itself again. If
// the pod has got its partitions anew since it was returned, it does at once.
func (d *Directory) Misled(group string, partition int32, told Pod) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.table.misled(key{group, told.Instance}, partition, told.Since)
	d.options.Metrics.misled(group)
}

// Announced is what a pod has announced of a group.
type Announced struct {
	Pod

	Group      string
	Partitions []int32 // ascending
	// Heard is when this pod received it, by this pod's clock. See the package on records that were there
	// before.
	Heard time.Time
}

// Pods returns what pods own, ordered by group and instance: this one, and all whose announcements are fresh.
func (d *Directory) Pods() []Announced {
	d.mu.RLock()
	defer d.mu.RUnlock()
	now := d.options.Now()
	var all []Announced
	for group, own := range d.held {
		all = append(all, Announced{
			Pod: d.self(own), Group: group, Partitions: slices.Clone(own.partitions), Heard: now,
		})
	}
	for group, pods := range d.table.byGroup {
		for instance, e := range pods {
			if !d.table.fresh(e, now) {
				continue
			}
			all = append(all, Announced{
				Pod: Pod{
					Instance: instance, Address: e.Address, Generation: e.Generation, Since: e.Since,
				},
				Group: group, Partitions: slices.Clone(e.Partitions), Heard: e.heard,
			})
		}
	}
	slices.SortFunc(all, func(a, b Announced) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Instance, b.Instance))
	})
	return all
}

// Ready returns nil while this pod follows the topic. Otherwise the error says why it does not. A pod that
// does not still answers for its own partitions.
func (d *Directory) Ready() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.trouble
}

func (d *Directory) setTrouble(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trouble = err
}
