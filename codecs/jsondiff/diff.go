package jsondiff

import (
	"fmt"
	"slices"
)

// Change is a difference at a path. Before is nil if the value was added, After if it was removed.
type Change struct {
	Path          Path
	Before, After *Value
}

// Between returns what changed from one value to another, in the order of the later one. The changes can be
// applied one after the other, see [Apply]: an index is that at the time when its change is applied, which
// for what is added or changed is the index in the later value.
//
// Items of arrays that are the same are found even if they have moved, unless the arrays are long.
func Between(before, after *Value) []Change {
	return between(nil, before, after, nil)
}

func between(path Path, before, after *Value, found []Change) []Change {
	switch {
	case before.Equal(after):
		return found
	case before == nil || after == nil || before.Kind != after.Kind || before.IsLeaf():
		return append(found, Change{path, before, after})
	case before.Kind == Array:
		return betweenItems(path, before.Items, after.Items, found)
	}
	for _, m := range before.Members {
		if after.Member(m.Name) == nil {
			found = append(found, Change{path.Named(m.Name), m.Value, nil})
		}
	}
	for _, m := range after.Members {
		found = between(path.Named(m.Name), before.Member(m.Name), m.Value, found)
	}
	return found
}

// betweenItems compares the gaps between items that are the same.
func betweenItems(path Path, before, after []*Value, found []Change) []Change {
	b, at := 0, 0
	for _, m := range append(matches(before, after), match{len(before), len(after)}) {
		for ; b < m.before && at < m.after; b, at = b+1, at+1 {
			found = between(path.At(at), before[b], after[at], found)
		}
		for ; b < m.before; b++ {
			found = append(found, Change{path.At(at), before[b], nil})
		}
		for ; at < m.after; at++ {
			found = append(found, Change{path.At(at), nil, after[at]})
		}
		b, at = m.before+1, m.after+1
	}
	return found
}

// match is an item that two arrays have in common, at an index of each.
type match struct{ before, after int }

// maxWork bounds the comparison of arrays, in pairs of items.
const maxWork = 40_000

// matches returns a longest common subsequence of two arrays. Of arrays that are too long for that it is what
// they have in common at their beginnings and ends.
func matches(before, after []*Value) (found []match) {
	start := 0
	for start < min(len(before), len(after)) && before[start].Equal(after[start]) {
		found = append(found, match{start, start})
		start++
	}
	tail := 0
	for tail < min(len(before), len(after))-start &&
		before[len(before)-1-tail].Equal(after[len(after)-1-tail]) {
		tail++
	}
	b, a := before[start:len(before)-tail], after[start:len(after)-tail]
	if len(b)*len(a) <= maxWork {
		for _, m := range common(b, a) {
			found = append(found, match{start + m.before, start + m.after})
		}
	}
	for i := tail; i > 0; i-- {
		found = append(found, match{len(before) - i, len(after) - i})
	}
	return found
}

// common returns a longest common subsequence.
func common(before, after []*Value) (found []match) {
	width := len(after) + 1
	lengths := make([]int, (len(before)+1)*width)
	same := make([]bool, len(before)*len(after))
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i].Equal(after[j]) {
				same[i*len(after)+j] = true
				lengths[i*width+j] = lengths[(i+1)*width+j+1] + 1
			} else {
				lengths[i*width+j] = max(lengths[(i+1)*width+j], lengths[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(before) && j < len(after); {
		switch {
		case same[i*len(after)+j]:
			found = append(found, match{i, j})
			i, j = i+1, j+1
		case lengths[(i+1)*width+j] >= lengths[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return found
}

// Apply returns the value with the changes made, one after the other. The error says which one does not fit.
func Apply(to *Value, changes []Change) (*Value, error) {
	for _, c := range changes {
		var err error
		if to, err = applied(to, c.Path, c); err != nil {
			return nil, err
		}
	}
	return to, nil
}

// applied returns a copy of a value with a change at the end of a path.
func applied(to *Value, path Path, c Change) (*Value, error) {
	if len(path) == 0 {
		return c.After, nil
	}
	if to == nil {
		return nil, fmt.Errorf("there is nothing at %s", c.Path)
	}
	changed := *to
	step, last := path[0], len(path) == 1
	switch {
	case step.Name != nil && to.Kind == Object:
		changed.Members = slices.Clone(to.Members)
		inner, err := applied(to.Member(*step.Name), path[1:], c)
		if err != nil {
			return nil, err
		}
		if inner != nil {
			changed.set(*step.Name, inner)
		} else if i := changed.index(*step.Name); i >= 0 {
			changed.Members = slices.Delete(changed.Members, i, i+1)
		}
	case step.Name == nil && last && c.Before == nil && step.Index <= len(to.Items):
		changed.Items = slices.Insert(slices.Clone(to.Items), step.Index, c.After)
	case step.Name == nil && last && c.After == nil && step.Index < len(to.Items):
		changed.Items = slices.Delete(slices.Clone(to.Items), step.Index, step.Index+1)
	case step.Name == nil && step.Index < len(to.Items):
		inner, err := applied(to.Items[step.Index], path[1:], c)
		if err != nil {
			return nil, err
		}
		changed.Items = slices.Clone(to.Items)
		changed.Items[step.Index] = inner
	default:
		return nil, fmt.Errorf("there is nothing at %s", c.Path)
	}
	return &changed, nil
}
