package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// Told is what the sender of a command was told, as a load records it.
type Told struct {
	ID            string `json:"id"`
	Aggregate     string `json:"aggregate"`
	Subject       string `json:"subject"`
	Type          string `json:"type"`
	Outcome       string `json:"outcome"` // accepted, rejected, unknown, refused
	FirstSequence int64  `json:"firstSequence"`
	LastSequence  int64  `json:"lastSequence"`
	Code          string `json:"code"`
	// Second is the answer to a second sending, if it was another one.
	Second *json.RawMessage `json:"second"`
}

// maxLineBytes limits a line of a record.
const maxLineBytes = 1 << 20

// EachTold calls take with every line of a record: JSON lines.
func EachTold(path string, take func(*Told)) error {
	return eachLine(path, func(line []byte) error {
		var one Told
		if err := json.Unmarshal(line, &one); err != nil {
			return err //nolint:wrapcheck // eachLine says where
		}
		take(&one)
		return nil
	})
}

// ReadTold reads a record.
func ReadTold(path string) ([]Told, error) {
	var told []Told
	err := EachTold(path, func(one *Told) { told = append(told, *one) })
	return told, err
}

// eachLine calls take with every line of a file that is not empty.
func eachLine(path string, take func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLineBytes)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := take(lines.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", path, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
