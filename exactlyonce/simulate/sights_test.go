package simulate_test

import "slices"

// checkHistories: nobody is shown more events than there are, nor fewer than somebody before (G11).
func (s *simulation) checkHistories(chains map[string][]string) {
	floors := make(map[string][]floor)
	for i, seen := range s.reads.seen {
		if !seen.history {
			continue
		}
		key, least := seen.key, floorBefore(floors[seen.key], seen.before)
		switch {
		case seen.events > max(len(chains[key])-1, 0):
			s.breach("%s is shown %d events of %s, which has %d", seen.by, seen.events, key,
				len(chains[key])-1)
		case seen.events < least.place:
			s.breach("%s is shown %d events of %s, although %s has been shown %d before", seen.by,
				seen.events, key, least.by, least.place)
		case seen.events > floorBefore(floors[seen.key], i).place:
			floors[seen.key] = append(floors[seen.key], floor{i, seen.events, seen.by})
		}
	}
}

// checkReads: what was shown are rows that stand in the chain of their key (G4), and who asked later was not
// shown an older one (G11). chains are all states of each key, in order, the first being no row.
func (s *simulation) checkReads(chains map[string][]string) {
	places := make(map[string]map[string]int)
	for key, chain := range chains {
		places[key] = make(map[string]int)
		for i, row := range chain {
			if row != "" { // there is none several times
				places[key][row] = i
			}
		}
	}
	floors := make(map[string][]floor)
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
