package snapshots

import (
	"fmt"

	"refold/kafka"
)

// Next returns the offset after the last record that the local store of a partition holds, 0 if there is no
// store. It asks nothing of Kafka. A store that nobody has opened since the start of the process is opened
// for that, and stays open for whoever comes next.
func (s *Stores) Next(topic string, partition int32) (int64, error) {
	st, err := s.store(kafka.TopicPartition{Topic: topic, Partition: partition})
	if err != nil {
		return 0, err
	}
	if err := st.openUnowned(); err != nil {
		return 0, fmt.Errorf("look where the store of %s/%d ends: %w", topic, partition, err)
	}
	if st.damage.Load() != nil {
		return 0, nil // it will be rebuilt
	}
	return st.point.Load().next, nil
}

// openUnowned opens the store's rows, if there are any, for whoever opens the store next.
func (s *store) openUnowned() error {
	s.mu.RLock()
	done := s.back != nil || s.ended || s.of.disk == nil
	s.mu.RUnlock()
	if done {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.back != nil || s.ended {
		return nil
	}
	has, err := s.of.disk.has(storeName{s.at.Topic, s.at.Partition, s.beside})
	if err != nil || !has {
		return err
	}
	return s.openBackend()
}

// has reports whether there is a store of a name, without making one.
func (d *disk) has(name storeName) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	db, err := d.current()
	if err != nil {
		return false, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	_, is := db.names[name]
	return is, nil
}
