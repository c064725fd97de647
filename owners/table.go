package owners

import (
	"cmp"
	"slices"
	"time"
)

// entry is an announcement as this pod has received it.
type entry struct {
	announcement

	offset int64
	heard  time.Time      // by this pod's clock; earlier, if the record was there before
	misled map[int32]bool // partitions for which the pod has not answered since
}

func (e *entry) has(partition int32) bool {
	_, has := slices.BinarySearch(e.Partitions, partition)
	return has
}

// table is what all pods have announced, as far as this one knows. It has no clock, and is not safe for
// concurrent use.
type table struct {
	limits  Limits
	byGroup map[string]map[string]*entry // group, instance
	entries int
}

func newTable(limits Limits) *table {
	return &table{limits: limits, byGroup: make(map[string]map[string]*entry)}
}

// put takes a record in; a nil announcement is a tombstone. old says that the record was in the topic before
// this pod began to read. It reports whether there was room.
func (t *table) put(k key, a *announcement, offset int64, written, now time.Time, old bool) bool {
	before := t.byGroup[k.group][k.instance]
	if old && before != nil && written.Before(before.At) {
		return true // it is read again, and was replaced
	}
	if a == nil {
		t.drop(k)
		return true
	}
	if before == nil && t.entries >= t.limits.Entries {
		return false
	}
	e := &entry{announcement: *a, offset: offset, heard: now}
	if old {
		e.heard = now.Add(-max(now.Sub(written)-t.limits.Skew, 0))
		if before != nil && before.At.Equal(a.At) {
			e.heard, e.misled = before.heard, before.misled // it is the one that is known
		}
	}
	if t.byGroup[k.group] == nil {
		t.byGroup[k.group] = make(map[string]*entry)
	}
	if before == nil {
		t.entries++
	}
	t.byGroup[k.group][k.instance] = e
	return true
}

func (t *table) drop(k key) {
	if t.byGroup[k.group][k.instance] == nil {
		return
	}
	t.entries--
	delete(t.byGroup[k.group], k.instance)
	if len(t.byGroup[k.group]) == 0 {
		delete(t.byGroup, k.group)
	}
}

// forget drops what is far too old to count.
func (t *table) forget(now time.Time) {
	const many = 10
	for group, pods := range t.byGroup {
		for instance, e := range pods {
			if now.Sub(e.heard) > many*t.limits.Fresh {
				t.drop(key{group, instance})
			}
		}
	}
}

func (t *table) fresh(e *entry, now time.Time) bool { return now.Sub(e.heard) <= t.limits.Fresh }

// owner returns the announcement that counts for a partition; nil: there is none.
func (t *table) owner(group string, partition int32, now time.Time) (instance string, best *entry) {
	for name, e := range t.byGroup[group] {
		if !t.fresh(e, now) || !e.has(partition) || e.misled[partition] {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(e.Generation, best.Generation),
			cmp.Compare(e.offset, best.offset)) > 0 {
			instance, best = name, e
		}
	}
	return instance, best
}

// misled notes that a pod that has its partitions since then does not answer for one of them, until it is
// heard again.
func (t *table) misled(k key, partition int32, since time.Time) {
	e := t.byGroup[k.group][k.instance]
	if e == nil || !e.Since.Equal(since) {
		return
	}
	if e.misled == nil {
		e.misled = make(map[int32]bool)
	}
	e.misled[partition] = true
}
