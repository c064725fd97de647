package snapshots

import (
	"errors"
	"fmt"
	"io/fs"

	"refold/kafka"
)

// Next returns the offset after the last record that the local store of a partition holds, 0 if there is no
// store. It asks nothing of Kafka. A store that nobody has opened since the start of the process is opened
// for that, which takes some milliseconds, and stays open for whoever comes next.
func (s *Stores) Next(topic string, partition int32) (int64, error) {
	st, err := s.store(kafka.TopicPartition{Topic: topic, Partition: partition})
	if err != nil {
		return 0, err
	}
	next, err := st.next()
	if err != nil {
		return 0, fmt.Errorf("look where the store of %s/%d ends: %w", topic, partition, err)
	}
	return next, nil
}

func (s *store) next() (int64, error) {
	s.mu.RLock()
	open, ended := s.back != nil, s.ended
	s.mu.RUnlock()
	if !open && !ended && s.of.disk != nil {
		if err := s.openUnowned(); err != nil {
			return 0, err
		}
	}
	if s.damage.Load() != nil {
		return 0, nil // it will be rebuilt
	}
	return s.point.Load().next, nil
}

// openUnowned opens the store's files, if there are any, for whoever opens the store next.
func (s *store) openUnowned() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil || s.ended {
		return nil
	}
	_, err := s.of.disk.fs.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err //nolint:wrapcheck // Next says what was being done
	}
	return s.openBackend()
}
