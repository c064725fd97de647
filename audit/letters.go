package audit

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Poison is a record that can't be handled, as whoever sent it writes it down: a JSON line.
type Poison struct {
	Topic     string `json:"topic"` // with its prefix
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// ReadPoison reads what was sent as poison: JSON lines.
func ReadPoison(path string) ([]Poison, error) {
	var sent []Poison
	err := eachLine(path, func(line []byte) error {
		var one Poison
		if err := json.Unmarshal(line, &one); err != nil {
			return err //nolint:wrapcheck // eachLine says where
		}
		sent = append(sent, one)
		return nil
	})
	return sent, err
}

// checkLetters checks that the dead letters are the poison that was sent, each once (G8). What is beyond
// the limits may be among them, each once, too.
func checkLetters(
	found *breaches, letters map[string][]DeadLetter, sent []Poison, beyond passed,
) (n int) {
	count := make(map[Poison]int)
	for _, p := range sent {
		count[p]-- // what is written down twice has to be set aside once
	}
	for p := range count {
		count[p] = -1
	}
	reasons := make(map[Poison]string)
	for _, ofTopic := range letters {
		for _, letter := range ofTopic {
			n++
			p := Poison{letter.Topic, letter.Partition, letter.Offset}
			count[p]++
			reasons[p] = letter.Reason
		}
	}
	for p, n := range count {
		if beyond[p] && n > 0 {
			count[p]--
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(count), func(a, b Poison) int {
		return strings.Compare(a.Topic, b.Topic)
	}) {
		for range max(-count[p], 0) {
			found.breach("G8", Letters, "%s/%d offset %d was poison, and is no dead letter", p.Topic,
				p.Partition, p.Offset)
		}
		for range max(count[p], 0) {
			found.breach("G8", Letters, "%s/%d offset %d is a dead letter (%s), and was no poison, or is "+
				"one already", p.Topic, p.Partition, p.Offset, reasons[p])
		}
	}
	return n
}
