package simulate_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// check compares what is in the topics and on the disks with a fold of the input. Nothing runs any
// more but the brokers.
func (s *simulation) check() {
	if len(s.breaches) > 0 {
		return // without an end there is nothing to compare
	}
	chains := make(map[string][]string)
	for p := range s.partitions {
		if err := s.checkPartition(p, chains); err != nil {
			s.breach("partition %d: %v", p, err)
		}
	}
	s.checkReads(chains)
	s.checkHistories(chains)
}

// checkPartition checks all but reads, and adds the states of the partition's keys to chains.
func (s *simulation) checkPartition(p int32, chains map[string][]string) error {
	inputs, err := s.readTopic(in, p)
	if err != nil {
		return err
	}
	outputs, err := s.readTopic(out, p)
	if err != nil {
		return err
	}
	changes, err := s.readTopic(table, p)
	if err != nil {
		return err
	}
	rows, want := make(map[string]string), make(map[string][]string)
	for _, r := range inputs {
		key := string(r.Key)
		row, output := fold(rows[key], string(r.Value))
		if output != "" {
			want[key] = append(want[key], output)
			if chains[key] == nil {
				chains[key] = []string{""}
			}
			chains[key] = append(chains[key], row)
		}
		if rows[key] = row; row == "" {
			delete(rows, key)
		}
	}
	got := make(map[string][]string)
	for _, r := range outputs {
		got[string(r.Key)] = append(got[string(r.Key)], string(r.Value))
	}
	for key := range got {
		if want[key] == nil {
			s.breach("outputs of %s, which has no input in partition %d", key, p)
		}
	}
	for key, want := range want {
		s.compareOutputs(key, got[key], want)
	}
	folded := at(changes, -1)
	for key, row := range folded {
		folded[key] = plain(row)
	}
	s.compareRows(fmt.Sprintf("the topic of the table, partition %d", p), folded, rows)
	s.checkRewrites(p, changes)
	for _, w := range s.workers {
		if err := s.checkStore(w, p, changes); err != nil {
			return err
		}
	}
	return nil
}

// compareOutputs: each input has led to one output, in its order, from the right row (G1–G4).
func (s *simulation) compareOutputs(key string, got, want []string) {
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	at := func(all []string) string {
		if i < len(all) {
			return fmt.Sprintf("%q", all[i])
		}
		return "nothing"
	}
	s.breach("%s has %d outputs of %d inputs; the first difference is no. %d: %s, not %s",
		key, len(got), len(want), i+1, at(got), at(want))
}

// compareRows: rows are what the input folds to (G4).
func (s *simulation) compareRows(where string, got, want map[string]string) {
	for key, row := range want {
		if got[key] != row {
			s.breach("%s: the row of %s is %q, not %q", where, key, got[key], row)
		}
	}
	for key, row := range got {
		if _, is := want[key]; !is {
			s.breach("%s: %s has a row, %q, and should have none", where, key, row)
		}
	}
}

// at is the rows of a table before an offset; -1: at the end.
func at(changes []*kgo.Record, offset int64) map[string]string {
	rows := make(map[string]string)
	for _, r := range changes {
		switch {
		case offset >= 0 && r.Offset >= offset:
			return rows
		case r.Value == nil:
			delete(rows, string(r.Key))
		default:
			rows[string(r.Key)] = string(r.Value)
		}
	}
	return rows
}

// readTopic returns the committed records of a partition.
func (s *simulation) readTopic(topic string, p int32) (all []*kgo.Record, err error) {
	settings := s.settings("checker")
	settings.Dial = s.network.DialContext
	options, err := settings.Options()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = kafka.ReadPartition(ctx, options, kafka.Range{Topic: topic, Partition: p, From: kafka.FromStart},
		func(records []*kgo.Record, _ kafka.Progress) error {
			all = append(all, records...)
			return nil
		})
	return all, err
}

// checkStore: what a worker has left on its disk is what was committed up to some offset (G6).
func (s *simulation) checkStore(w *worker, p int32, changes []*kgo.Record) error {
	where := fmt.Sprintf("the store of worker %d, partition %d", w.index, p)
	dir := path.Join(w.dir, "tables", "db-1") // no other: that would need damage
	if _, err := w.files.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // no partition was ever here
	}
	if w.damaged {
		return nil // what is wrong with it may not have been found yet, nor read
	}
	db, err := pebble.Open(dir, &pebble.Options{ReadOnly: true, FS: w.files, Logger: silent{}})
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return nil // the process ended before there was one
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	defer db.Close() //nolint:errcheck // it is only read
	number, err := numberOf(db, p)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if number == nil {
		return nil // the partition was never here
	}
	point, closer, err := db.Get(append(slices.Clone(number), 1))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	next, of := int64(binary.BigEndian.Uint64(point[17:])), kadm.TopicID(point[1:17])
	closer.Close()
	if of != s.tableID {
		return nil // of the topic before this one, and rebuilt by whoever gets the partition
	}
	it, err := db.NewIter(&pebble.IterOptions{
		LowerBound: append(slices.Clone(number), 2), UpperBound: append(slices.Clone(number), 3),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	rows := make(map[string]string)
	for it.First(); it.Valid(); it.Next() {
		rows[string(it.Key()[5:])] = string(it.Value())
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	s.mu.Lock()
	s.stores++
	s.mu.Unlock()
	s.compareRows(where+fmt.Sprintf(" at offset %d", next), rows, at(changes, next))
	return nil
}

// numberOf returns the number with which the keys of a partition's store begin; nil if there is no store.
func numberOf(db *pebble.DB, p int32) (number []byte, err error) {
	name := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(p)), table...)
	it, err := db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if key := it.Key(); len(key) == 5 && key[4] == 0 && bytes.Equal(it.Value(), name) {
			return slices.Clone(key[:4]), nil
		}
	}
	return nil, nil
}

// silent is a logger of Pebble's that says nothing: errors are returned as well.
type silent struct{}

func (silent) Infof(string, ...any)              {}
func (silent) Errorf(string, ...any)             {}
func (silent) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
