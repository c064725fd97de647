package snapshots

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"refold/kafka"
)

// Flush begins to make durable what isn't, as the ticker does.
func Flush(s *Stores) { s.flush() }

// Settle makes durable what isn't.
func Settle(s *Stores) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	s.disk.now.settle(context.Background())
}

// Names returns the stores that there are in the database, with a mark behind those that are not finished.
func Names(s *Stores) (names []string) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	db, err := s.disk.current()
	if err == nil {
		err = db.readNames()
	}
	if err != nil {
		return []string{err.Error()}
	}
	for name := range db.names {
		text := fmt.Sprintf("%s/%d", name.topic, name.partition)
		if name.beside {
			text += " beside"
		}
		names = append(names, text)
	}
	slices.Sort(names)
	return names
}

// Raw returns what a store holds before it is restored: its rows and the offset that they are the
// state of, -1 if it holds none.
func Raw(s *Stores, topic string) (rows map[string]string, next int64, err error) {
	st := newStore(s, kafka.TopicPartition{Topic: topic, Partition: 0})
	if err := st.openKeyspace(); err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, st.back.close()) }()
	c, err := st.back.cursor(nil, nil)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	rows = make(map[string]string)
	for c.next() {
		value, err := c.value()
		if err != nil {
			return nil, 0, err
		}
		rows[string(c.key())] = string(value)
	}
	if point := st.point.Load(); point.set {
		return rows, point.next, c.err()
	}
	return rows, -1, c.err()
}

// Since returns from when on deletions must be kept for a store: see checkpoint.since.
func Since(s *Staged) int64 { return s.store.point.Load().since }

// RebuildBlindly is Rebuild as it would be if the tail did not wait and nobody compared offsets: between
// is called when the new store has been read.
func (f *Follower) RebuildBlindly(ctx context.Context, between func()) error {
	n, err := f.beside(ctx)
	if err != nil {
		return err
	}
	if err := n.comeClose(ctx); err != nil {
		return err
	}
	between()
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	return f.store.replace(n.store)
}

// Condemn gives the database up, as when damage can't be removed from it.
func Condemn(s *Stores) { s.disk.now.condemn(ErrDamaged) }
