package deadletters

import "time"

// Selection says which dead letters are meant. All that it says must be true of a letter; the zero
// value means all.
type Selection struct {
	// Refs are places; empty: any.
	Refs []Ref
	// Topic and Partition are those that the record came from.
	Topic     string
	Partition *int32
	Reason    string
	Group     string
	Key       *string
	// Since and Until frame the time at which it was set aside: since ≤ time < until.
	Since, Until time.Time
	// Open and Settled choose those that are settled and those that are not; neither or both: all.
	Open, Settled bool
	// Limit is the most letters; 0: no limit.
	Limit int

	// ends limits the selection to what was there at some moment; nil: all that is there.
	ends map[int32]int64
	refs map[Ref]bool
}

// Filtered reports whether the selection asks anything of a letter beside its place, which is named or
// not, and whether it is open.
func (s *Selection) Filtered() bool {
	return s.Topic != "" || s.Partition != nil || s.Reason != "" ||
		s.Group != "" || s.Key != nil || !s.Since.IsZero() || !s.Until.IsZero()
}

// has reports whether the selection means a letter. Settled must be filled in.
func (s *Selection) has(l *Letter) bool {
	switch {
	case s.refs != nil && !s.refs[l.Ref],
		s.Topic != "" && s.Topic != l.Origin.Topic,
		s.Partition != nil && *s.Partition != l.Origin.Partition,
		s.Reason != "" && s.Reason != l.Reason,
		s.Group != "" && s.Group != l.Group,
		s.Key != nil && *s.Key != string(l.Key),
		!s.Since.IsZero() && l.Time.Before(s.Since),
		!s.Until.IsZero() && !l.Time.Before(s.Until):
		return false
	}
	if s.Open == s.Settled {
		return true
	}
	return s.Settled == (l.Settled != nil)
}

// span is a part of a partition of the dead-letter topic: start ≤ offset < end.
type span struct{ start, end int64 }

// spans says what has to be read of partitions that reach as far as bounds, of which since (the
// first offsets at Selection.Since; may be nil) is known.
func (s *Selection) spans(bounds map[int32]span, since map[int32]int64) map[int32]span {
	spans := make(map[int32]span, len(bounds))
	for partition, b := range bounds {
		if end, pinned := s.ends[partition]; pinned {
			b.end = min(b.end, end)
		} else if s.ends != nil {
			continue // a partition that was added since
		}
		b.start = max(b.start, since[partition])
		if s.refs != nil {
			b = s.around(partition, b)
		}
		if b.start < b.end {
			spans[partition] = b
		}
	}
	return spans
}

// around is the part of a partition that holds all places which the selection names.
func (s *Selection) around(partition int32, b span) span {
	least, most := b.end, b.start-1
	for ref := range s.refs {
		if ref.Partition == partition {
			least, most = min(least, ref.Offset), max(most, ref.Offset)
		}
	}
	return span{max(b.start, least), min(b.end, most+1)}
}
