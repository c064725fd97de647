package snapshots

import (
	"bytes"
	"fmt"

	"refold/kafka"
)

// Row is a row of a store. Its bytes are the reader's.
type Row struct{ Key, Value []byte }

// Page is a part of the committed rows of a store, in the order of their keys.
type Page struct {
	Rows []Row
	// Next is the offset that the store was the state of before the page was read: each row is at
	// least as new as the table's record below it.
	Next int64
	// More says that there may be rows behind the last one.
	More bool
}

// Page reads committed rows behind a key (nil: from the first on), until there are enough of them or
// they have enough bytes: at least one, if there is one. It does not take the store from its owner, and
// holds up nobody for longer than such a page takes. The error is ErrClosed when the store is not open
// here, or is being restored.
func (s *Stores) Page(topic string, partition int32, behind []byte, rows, size int) (Page, error) {
	s.mu.Lock()
	st := s.stores[kafka.TopicPartition{Topic: topic, Partition: partition}]
	s.mu.Unlock()
	if st == nil {
		return Page{}, fmt.Errorf("rows of %s/%d: %w", topic, partition, ErrClosed)
	}
	page, err := st.page(behind, rows, size)
	if err != nil {
		return Page{}, fmt.Errorf("rows of %s/%d: %w", topic, partition, err)
	}
	return page, nil
}

func (s *store) page(behind []byte, rows, size int) (page Page, err error) {
	s.mu.RLock() // nobody closes the backend meanwhile
	defer s.mu.RUnlock()
	if s.back == nil || s.owner == nil || s.progress.Load() != nil {
		return page, ErrClosed
	}
	if damage := s.damage.Load(); damage != nil {
		return page, *damage
	}
	page.Next = s.point.Load().next // first: the rows are as new at least
	var start []byte
	if behind != nil {
		start = append(bytes.Clone(behind), 0) // the least key behind it
	}
	c, err := s.back.cursor(start, nil)
	c, err = s.watched(s.back, c, err)
	if err != nil {
		return page, err
	}
	defer func() {
		if closed := c.close(); err == nil {
			err = closed
		}
	}()
	for n := 0; c.next(); {
		if len(page.Rows) >= rows || n >= size {
			page.More = true
			break
		}
		value, err := c.value()
		if err != nil {
			return page, err
		}
		row := Row{bytes.Clone(c.key()), bytes.Clone(value)}
		page.Rows = append(page.Rows, row)
		n += len(row.Key) + len(row.Value)
	}
	return page, c.err()
}
