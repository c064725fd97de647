package audit

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKey is how many bytes an ID may have for everything that processes derive from it to be readable. An
// ID that is longer, or no UTF-8, is beyond the limits: earlier versions of the program have accepted such
// keys. What they have written stays, is checked like everything else, and is named once.
const maxKey = 818

func beyondLimits(ids ...string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return len(id) > maxKey || !utf8.ValidString(id) })
}

// shownBeyond reports whether an ID is beyond the limits, as JSON shows it.
func shownBeyond(id string) bool { return beyondLimits(id) || strings.ContainsRune(id, utf8.RuneError) }

// passed are the events and results that are beyond the limits. A process that reads them sets them aside:
// that is no poison that anybody has sent.
type passed map[Poison]bool

// note takes an event, or a result, of a topic.
func (p passed) note(topic string, at Place, ids ...string) {
	if beyondLimits(at.Key) || beyondLimits(ids...) {
		p[Poison{topic, at.Partition, at.Offset}] = true
	}
}
