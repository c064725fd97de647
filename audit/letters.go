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

// asidePlace is an event that a projection has set aside. After a crash it may have two letters.
type asidePlace struct {
	projection string
	at         Poison
}

// isAside reports whether a projection has set an event aside.
func (r *reader) isAside(projection, topic string, at Place) bool {
	_, is := r.aside[asidePlace{projection, Poison{topic, at.Partition, at.Offset}}]
	return is
}

// checkLetters checks that the dead letters are the poison that was sent, each once (G8). What is beyond
// the limits may be among them, each once, too. An event that was sent as poison may also be set aside by any
// number of projections.
func checkLetters(
	found *breaches, letters map[string][]DeadLetter, aside map[asidePlace]string, sent []Poison,
	beyond passed,
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
	for a, reason := range aside {
		wanted, was := count[a.at]
		switch {
		case !was && !beyond[a.at]:
			found.breach("G8", Letters, "%s/%d offset %d was set aside by the projection %s (%s), and was "+
				"no poison", a.at.Topic, a.at.Partition, a.at.Offset, a.projection, reason)
		case wanted < 0:
			count[a.at] = 0
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
