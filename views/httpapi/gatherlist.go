package httpapi

import (
	"context"
	"errors"
	"math"

	"refold/kafka"
	"refold/views"
)

// listed is a page of rows as the API shows them.
type listed struct {
	rows []partRow
	more bool
	next string // where the next page starts, if there may be more
}

// readPage returns a page of an aggregate's rows, wherever they are.
func (s *Server) readPage(
	ctx context.Context, r *Resource, after string, limit int,
) (page listed, err error) {
	if s.peers == nil {
		part, err := s.rowsHere(r, after, limit, maxPageBytes, nil)
		return listed{part.Rows, part.More, string(part.Next)}, err
	}
	err = settled(ctx, func() error {
		shares, err := s.shares(r.Name)
		if err == nil {
			page, err = s.mergePage(ctx, r, shares, after, limit)
		}
		return err
	})
	return page, err
}

// rowsHere returns rows of this pod: those of the partitions, or of all if there are none named.
func (s *Server) rowsHere(r *Resource, after string, limit, size int, of []int32) (partRows, error) {
	page, err := r.Rows.List(after, limit)
	if err != nil {
		return partRows{}, err
	}
	wanted := s.inPartitions(r.Name, of)
	part := partRows{Rows: []partRow{}, More: page.Next != "", Next: exact(page.Next)}
	bytes := 0
	for i, row := range page.Rows {
		if !wanted(row.ID) {
			continue
		}
		item := rowOf(row)
		part.Rows = append(part.Rows, partRow{exact(row.ID), item})
		if bytes += len(item.ID) + len(item.State); bytes >= size && i+1 < len(page.Rows) {
			part.More, part.Next = true, exact(row.ID)
			break
		}
	}
	return part, nil
}

// inPartitions returns whether an ID is in one of the partitions: two pods may have one for a moment, and
// each row is to be listed once.
func (s *Server) inPartitions(aggregate string, of []int32) func(id string) bool {
	if of == nil {
		return func(string) bool { return true }
	}
	n := s.options.Placement.Partitions(aggregate)
	in := make(map[int32]bool, len(of))
	for _, partition := range of {
		in[partition] = true
	}
	return func(id string) bool { return n > 0 && in[kafka.Partition([]byte(id), n)] }
}

// partRows answers another pod.
func (s *Server) partRows(_ context.Context, q *partRowsQuestion) (*partRows, error) {
	r := s.resource(q.Aggregate)
	if r == nil || q.Limit < 1 {
		return nil, views.ErrNotFound
	}
	part, err := s.shareOfRows(r, q)
	return &part, err
}

func (s *Server) shareOfRows(r *Resource, q *partRowsQuestion) (partRows, error) {
	return readHere(s, partitions{q.Aggregate: q.Partitions}, func() (partRows, error) {
		return s.rowsHere(r, string(q.After), min(q.Limit, s.limits.PageRows), q.Bytes, q.Partitions)
	})
}

// cursor reads the rows of a share, one page after the other.
type cursor struct {
	share *share
	rows  []partRow // read, and not taken yet
	more  bool
	next  exact // behind which the next page begins, if there is more
}

// head is the least key that the cursor's next row may have; false: there is none.
func (c *cursor) head() (key exact, is bool) {
	if len(c.rows) > 0 {
		return c.rows[0].Key, true
	}
	return c.next, c.more
}

// maxRefills limits how often a page goes back to the pods: then it is shorter, and has a next.
const maxRefills = 16

// mergePage merges the rows of all shares by their keys. Each pod is asked for its part of the page and a few
// rows more, and again when these are used up.
func (s *Server) mergePage(ctx context.Context, r *Resource, shares []*share, after string, limit int) (
	page listed, err error,
) {
	few := int(math.Ceil(float64(limit) / float64(len(shares))))
	question := partRowsQuestion{
		Aggregate: r.Name, After: exact(after),
		// Keys are spread by a hash: three standard deviations of how many a pod has of a page.
		Limit: min(few+3*int(math.Sqrt(float64(few)))+1, limit),
		Bytes: max(2*maxPageBytes/len(shares), 256<<10),
	}
	cursors, err := ofAll(ctx, s, shares, func(ctx context.Context, own *share) (*cursor, error) {
		c := &cursor{share: own, more: true, next: question.After}
		return c, s.fill(ctx, r, c, question)
	})
	if err != nil {
		return listed{}, err
	}
	for bytes, refills := 0, 0; len(page.rows) < limit && bytes < maxPageBytes; {
		c := least(cursors)
		if c == nil {
			return page, nil
		}
		if len(c.rows) > 0 {
			row := c.rows[0]
			c.rows = c.rows[1:]
			page.rows = append(page.rows, row)
			bytes += len(row.Row.ID) + len(row.Row.State)
			continue
		}
		refills++
		if refills > maxRefills {
			page.more, page.next = true, string(c.next)
			return page, nil
		}
		if err := s.fill(ctx, r, c, question); err != nil {
			return listed{}, err
		}
	}
	if least(cursors) != nil {
		page.more, page.next = true, string(page.rows[len(page.rows)-1].Key)
	}
	return page, nil
}

// least returns the cursor with the least head, a row before a place to go on; nil: all have ended.
func least(cursors []*cursor) (first *cursor) {
	for _, c := range cursors {
		key, is := c.head()
		if !is {
			continue
		}
		if first == nil {
			first = c
			continue
		}
		best, _ := first.head()
		if key < best || key == best && len(c.rows) > len(first.rows) {
			first = c
		}
	}
	return first
}

// fill reads the next page of a cursor.
func (s *Server) fill(ctx context.Context, r *Resource, c *cursor, q partRowsQuestion) error {
	q.Partitions, q.After = c.share.of[r.Name], c.next
	var part partRows
	var err error
	if c.share.place.Here {
		part, err = s.shareOfRows(r, &q)
		err = movedFromHere(c.share, err)
	} else {
		part, err = askPeer[partRows](ctx, s, c.share, "rows", q, 0)
	}
	c.rows, c.more, c.next = part.Rows, part.More, part.Next
	return err
}

// movedFromHere returns the error of a reader here as that of another pod that has lost a partition of a
// share.
func movedFromHere(own *share, err error) error {
	var missing *absentError
	switch {
	case errors.As(err, &missing):
		return &movedError{missing.partitions[0], err}
	case errors.Is(err, views.ErrNotHere):
		return &movedError{own.first(), err}
	}
	return err
}
