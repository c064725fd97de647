package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"refold/projections"
)

// progress is the progress of a partition, with what OpenSearch knows its document's state by.
type progress struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Epoch     int64     `json:"epoch"`
	Next      int64     `json:"next"`
	End       int64     `json:"end"`
	Time      time.Time `json:"time,omitzero"`
	// Reaching is the greatest offset that a batch was meant to lead to: readers may have seen documents of
	// what is before it.
	Reaching int64 `json:"reaching"`

	ID          string `json:"-"`
	there       bool
	seqNo, term int64
}

func (p progress) public() projections.Progress {
	return projections.Progress{
		Partition: projections.Partition{Topic: p.Topic, Partition: p.Partition},
		Epoch:     p.Epoch, Next: p.Next, End: p.End, Time: p.Time,
	}
}

// progressOf reads a document. One that is not there is that of a partition that nobody has claimed.
func progressOf(d found, there bool) (progress, error) {
	p := progress{ID: d.ID, there: there, seqNo: d.SeqNo, term: d.PrimaryTerm, Next: -1, Reaching: -1}
	if !there {
		return p, nil
	}
	if err := json.Unmarshal(d.Source, &p); err != nil {
		return p, fmt.Errorf("the progress of %s in OpenSearch: %w", d.ID, err)
	}
	return p, nil
}

// heldID is the ID of a document beside the progress that says until when nobody may write. No partition has
// it, as the names of those have a slash.
const heldID = "held"

// held is that document.
type held struct {
	// Until is in milliseconds since 1970.
	Until int64 `json:"until"`
}

// progress returns that of all partitions of a build, as it is now.
func (s *Store) progress(ctx context.Context, projection string, number int) ([]progress, error) {
	hits, err := s.client.search(ctx, s.progressIndex(projection, number), object{"match_all": object{}})
	if err != nil {
		return nil, noBuild(err)
	}
	all := make([]progress, 0, len(hits))
	for _, hit := range hits {
		if hit.ID == heldID {
			continue
		}
		p, err := progressOf(hit, true)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// progressAt returns that of some partitions, in their order, and until when the build is held.
func (o *open) progressAt(
	ctx context.Context, partitions []projections.Partition,
) (all []progress, until held, err error) {
	ids := make([]string, len(partitions)+1)
	for i, p := range partitions {
		ids[i] = progressID(p)
	}
	ids[len(partitions)] = heldID
	index := o.store.progressIndex(o.build.Projection, o.build.Number)
	docs, err := o.store.client.get(ctx, index, ids)
	if err != nil {
		return nil, until, noBuild(err)
	}
	if last := docs[len(partitions)]; last.Found {
		if err := json.Unmarshal(last.Source, &until); err != nil {
			return nil, until, fmt.Errorf("the hold of %s in OpenSearch: %w", o.name(), err)
		}
	}
	all = make([]progress, len(partitions))
	for i, p := range partitions {
		if all[i], err = progressOf(docs[i], docs[i].Found); err != nil {
			return nil, until, err
		}
		all[i].ID, all[i].Topic, all[i].Partition = ids[i], p.Topic, p.Partition
	}
	return all, until, nil
}

// progressAction writes a progress, unless somebody has changed it since it was read.
func (s *Store) progressAction(projection string, number int, p progress) action {
	document, err := json.Marshal(p)
	if err != nil {
		panic(err) // its time is bounded
	}
	on := target{Index: forWriting(s.progressIndex(projection, number)), ID: p.ID}
	if !p.there {
		return action{op: "create", on: on, document: document}
	}
	on.SeqNo, on.PrimaryTerm = &p.seqNo, &p.term
	return action{op: "index", on: on, document: document}
}

// latest is the last time that JSON can have. Records may claim later ones.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// bounded returns a time that can be written and read again.
func bounded(t time.Time) time.Time {
	switch {
	case t.After(latest):
		return latest
	case t.Year() < 1:
		return time.Unix(0, 0).UTC()
	default:
		return t.UTC()
	}
}

// noBuild adds projections.ErrNoBuild to an error that says that an index is missing.
func noBuild(err error) error {
	if is(err, noIndex) {
		return fmt.Errorf("%w: %w", projections.ErrNoBuild, err)
	}
	return err
}
