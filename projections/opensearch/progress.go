package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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

func (p progress) partition() projections.Partition {
	return projections.Partition{Topic: p.Topic, Partition: p.Partition}
}

func (p progress) public() projections.Progress {
	return projections.Progress{
		Partition: p.partition(), Epoch: p.Epoch, Next: p.Next, End: p.End, Time: p.Time,
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

// writeProgress writes progress that was read before, and returns it as it is then, in the same order. If
// somebody else has changed some of it since, again returns what is to be written of these partitions
// instead.
func (o *open) writeProgress(
	ctx context.Context, all []progress, again func(lost []projections.Partition) ([]progress, error),
) ([]progress, error) {
	place := make(map[projections.Partition]int, len(all))
	for i, p := range all {
		place[p.partition()] = i
	}
	written, left := make([]progress, len(all)), all
	for range maxTries {
		actions := make([]action, len(left))
		for i, p := range left {
			actions[i] = o.store.progressAction(o.build.Projection, o.build.Number, p)
		}
		results, err := o.store.client.bulk(ctx, actions, nil)
		if err != nil {
			return nil, err
		}
		var lost []projections.Partition
		for i, r := range results {
			p := left[i]
			switch {
			case r.failure == nil:
				p.there, p.seqNo, p.term = true, r.seqNo, r.term
				written[place[p.partition()]] = p
			case r.failure.status == http.StatusConflict:
				lost = append(lost, p.partition())
			default:
				return nil, noBuild(r.failure)
			}
		}
		if len(lost) == 0 {
			return written, nil
		}
		if left, err = again(lost); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("writing the progress of %s: others were faster %d times", o.name(), maxTries)
}

// noBuild adds projections.ErrNoBuild to an error that says that an index is missing.
func noBuild(err error) error {
	if is(err, noIndex) {
		return fmt.Errorf("%w: %w", projections.ErrNoBuild, err)
	}
	return err
}
