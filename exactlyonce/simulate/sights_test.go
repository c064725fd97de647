package simulate_test

import (
	"slices"
	"time"
)

// The answers that readers got are checked when the chain of each key is known.

// places are where each row stands in the chain of its key, which begins without a row.
func places(chains map[string][]string) map[string]map[string]int {
	of := make(map[string]map[string]int)
	for key, chain := range chains {
		of[key] = make(map[string]int)
		for i, row := range chain {
			if row != "" { // there is none several times
				of[key][row] = i
			}
		}
	}
	return of
}

// checkReads: what was shown are rows that stand in the chain of their key (G4), and who asked later was not
// shown an older one (G11).
func (s *simulation) checkReads(chains map[string][]string) {
	places, floors := places(chains), make(map[string][]floor)
	for i, seen := range s.reads.seen {
		if seen.history {
			continue
		}
		least, of := floorBefore(floors[seen.key], seen.before), chains[seen.key]
		if of == nil {
			of = []string{""} // the key has no input
		}
		at, is := places[seen.key][seen.row]
		if seen.row == "" { // the first time that there was none, of those that may be meant
			at = least.place
			for at < len(of) && of[at] != "" {
				at++
			}
			is = at < len(of)
		}
		switch {
		case !is:
			s.breach("%s is shown %q of %s, which never stood there behind %q", seen.by, seen.row, seen.key,
				of[least.place])
		case at < least.place:
			s.breach("%s is shown %q of %s, although %s has been shown %q before", seen.by, seen.row,
				seen.key, least.by, of[least.place])
		case at > floorBefore(floors[seen.key], i).place:
			floors[seen.key] = append(floors[seen.key], floor{i, at, seen.by})
		}
	}
}

// historyDelay is how long after a row its event may be missing from the history: the owner writes it when
// the transaction has committed, before it commits the next one.
const historyDelay = time.Second

// checkHistories: nobody is shown more events than there are, nor fewer than somebody before, in a history or
// in a row (G11).
func (s *simulation) checkHistories(chains map[string][]string) {
	places, floors := places(chains), make(map[string][]floor)
	var rows []sight // in the order of their answers
	for i, seen := range s.reads.seen {
		if !seen.history {
			rows = append(rows, seen)
			continue
		}
		least := floorBefore(floors[seen.key], seen.before)
		for _, row := range rows {
			place := places[row.key][row.row]
			if row.key == seen.key && seen.asked.Sub(row.answered) > historyDelay && place > least.place {
				least = floor{place: place, by: row.by + " (a row)"}
			}
		}
		switch most := max(len(chains[seen.key])-1, 0); {
		case seen.events > most:
			s.breach("%s is shown %d events of %s, which has %d", seen.by, seen.events, seen.key, most)
		case seen.events < least.place:
			s.breach("%s is shown %d events of %s, although %s has been shown no. %d before", seen.by,
				seen.events, seen.key, least.by, least.place)
		case seen.events > floorBefore(floors[seen.key], i).place:
			floors[seen.key] = append(floors[seen.key], floor{i, seen.events, seen.by})
		}
	}
}

// floor is the newest place in its chain that a key has been shown at.
type floor struct {
	after int // this sight
	place int
	by    string
}

// floorBefore is the floor that the first n sights make.
func floorBefore(floors []floor, n int) (f floor) {
	i, _ := slices.BinarySearchFunc(floors, n, func(f floor, n int) int { return f.after - n })
	if i == 0 {
		return f
	}
	return floors[i-1]
}
