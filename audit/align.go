package audit

// alignment is what is laid beside what should be: indices of both.
type alignment struct {
	pairs     [][2]int // of wanted, of got
	lost      []int    // of wanted
	doubled   []int    // of got
	reordered []int    // of got: those that stand in front of one that came first
}

// align lays two lists of names beside each other, both in their order. A name may come more than
// once. One thing that is lost or too much does not bring those after it into disorder.
func align(wanted, got []string) (a alignment) {
	due, left := make(map[string]int, len(wanted)), make(map[string]int, len(got))
	for _, name := range wanted {
		due[name]++
	}
	for _, name := range got {
		left[name]++
	}
	early := make(map[string][]int) // of got, by name: those that came before their turn
	i, j := 0, 0
	for i < len(wanted) || j < len(got) {
		switch {
		case i < len(wanted) && len(early[wanted[i]]) > 0:
			name := wanted[i]
			a.pairs = append(a.pairs, [2]int{i, early[name][0]})
			early[name] = early[name][1:]
			i++
		case i < len(wanted) && left[wanted[i]] == 0:
			a.lost = append(a.lost, i)
			due[wanted[i]]--
			i++
		case i == len(wanted) || due[got[j]] == 0:
			a.doubled = append(a.doubled, j)
			left[got[j]]--
			j++
		case wanted[i] == got[j]:
			a.pairs = append(a.pairs, [2]int{i, j})
			due[wanted[i]]--
			left[got[j]]--
			i++
			j++
		default:
			a.reordered = append(a.reordered, j)
			early[got[j]] = append(early[got[j]], j)
			due[got[j]]--
			left[got[j]]--
			j++
		}
	}
	return a
}
