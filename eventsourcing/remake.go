package eventsourcing

import "slices"

// Caused returns a ring that remembers, too, that the event of a sequence was caused by the command:
// it is how a ring is made again from events. Given all events of an aggregate in order, the ring
// holds the latest of the commands that had events. Size is that of [Recent.Add].
func (r Recent) Caused(commandID string, sequence int64, size int) Recent {
	hash := hashOf(commandID)
	entry := Entry{FirstSequence: sequence, LastSequence: sequence}
	if last, is := r.last(); is && last.hash == hash && last.LastSequence == sequence-1 {
		entry.FirstSequence = last.FirstSequence
		r = Recent{ring: r.ring[:len(r.ring)-last.bytes]}
		if len(r.ring) == 1 {
			r = Recent{}
		}
	}
	return r.add(hash, entry, size)
}

// Until returns the ring without commands whose events go beyond a sequence: of an aggregate that has
// lost them.
func (r Recent) Until(sequence int64) Recent {
	var kept Recent
	for _, e := range r.all() {
		if e.LastSequence <= sequence {
			kept = kept.add(e.hash, e.Entry, MaxRecentSize)
		}
	}
	return kept
}

// remembered is an entry of a ring with its command.
type remembered struct {
	Entry

	hash  commandHash
	bytes int // in the ring
}

// all returns the entries, oldest first.
func (r Recent) all() (entries []remembered) {
	for at := 1; at < len(r.ring); {
		end := at + entrySize(r.ring[at])
		entries = append(entries, remembered{
			entryOf(r.ring[at:end]), commandHash(r.ring[at+1 : at+entryHeader]), end - at,
		})
		at = end
	}
	return entries
}

func (r Recent) last() (remembered, bool) {
	entries := r.all()
	if len(entries) == 0 {
		return remembered{}, false
	}
	return entries[len(entries)-1], true
}

// Remake joins what events and results say of an aggregate's latest commands to the ring that it had:
// caused is of events, see [Recent.Caused]; told holds the outcomes that are still known, in their order,
// repeated ones left out. What only the events know happened before all that the results know, unless
// its sequence says otherwise: then results were lost.
//
// The ring that it returns lacks only commands without events whose results are not known any more.
func Remake(caused, told Recent, size int) Recent {
	results := told.all()
	known := make(map[int64]bool, len(results)) // by the first sequence
	first := int64(-1)                          // that the results know
	for _, e := range results {
		if e.Code != "" {
			continue
		}
		if first < 0 {
			first = e.FirstSequence
		}
		if e.LastSequence >= e.FirstSequence {
			known[e.FirstSequence] = true
		}
	}
	missing := slices.DeleteFunc(caused.all(), func(e remembered) bool { return known[e.FirstSequence] })
	var joined Recent
	before := func(sequence int64) {
		for len(missing) > 0 && (sequence < 0 || missing[0].FirstSequence < sequence) {
			joined = joined.add(missing[0].hash, missing[0].Entry, size)
			missing = missing[1:]
		}
	}
	before(first) // all of them, if the results know of no event
	for _, e := range results {
		if e.Code == "" {
			before(e.FirstSequence)
		}
		joined = joined.add(e.hash, e.Entry, size)
	}
	before(-1)
	return joined
}
