package inspect

import (
	"cmp"
	"container/heap"
)

// next returns the next record of a partition; false: there is none.
type next func() (*Record, bool)

// merge shows the records of partitions one after the other, always the one with the least timestamp among
// the next of each partition. So the records of a partition stay in their order, and all are in order of
// time as far as those of each partition are. It holds one record of each.
func merge(partitions []next, show func(*Record) error) error {
	var heads heads
	for _, partition := range partitions {
		if r, is := partition(); is {
			heads = append(heads, head{r, partition})
		}
	}
	heap.Init(&heads)
	for len(heads) > 0 {
		first := heads[0]
		if err := show(first.record); err != nil {
			return err
		}
		if r, is := first.next(); is {
			heads[0].record = r
			heap.Fix(&heads, 0)
		} else {
			heap.Pop(&heads)
		}
	}
	return nil
}

type head struct {
	record *Record
	next   next
}

// heads is a heap of the next records of partitions.
type heads []head

func (h heads) Len() int           { return len(h) }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h heads) Less(i, j int) bool { return compare(h[i].record, h[j].record) < 0 }

// Push is of heap.Interface.
func (h *heads) Push(x any) { *h = append(*h, x.(head)) }

// Pop is of heap.Interface.
func (h *heads) Pop() any {
	last := len(*h) - 1
	popped := (*h)[last]
	(*h)[last] = head{}
	*h = (*h)[:last]
	return popped
}

// compare orders records by time, and those of the same millisecond by their place.
func compare(a, b *Record) int {
	return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Partition, b.Partition),
		cmp.Compare(a.Offset, b.Offset))
}
