package opensearch

import (
	"context"
	"encoding/json"
	"fmt"

	"refold/projections"
)

// open is a handle on a build.
type open struct {
	store *Store
	build buildDocument
}

// Claim raises the epochs of partitions, one after the other.
func (o *open) Claim(
	ctx context.Context, partitions []projections.Partition,
) ([]projections.Progress, error) {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return nil, err
	}
	claim := func(partitions []projections.Partition) ([]progress, error) {
		all, _, err := o.progressAt(ctx, partitions)
		for i := range all {
			all[i].Epoch++
		}
		return all, err
	}
	all, err := claim(partitions)
	if err == nil {
		all, err = o.writeProgress(ctx, all, claim)
	}
	if err != nil {
		return nil, err
	}
	claimed := make([]projections.Progress, len(all))
	for i, p := range all {
		claimed[i] = p.public()
	}
	return claimed, nil
}

// stateDocument is a state as its index has it.
type stateDocument struct {
	Aggregate string `json:"aggregate"`
	Subject   string `json:"subject"`
	Sequence  int64  `json:"sequence"`
	State     []byte `json:"state"` // as Base64
}

// States returns the states of some aggregates, as they are now.
func (o *open) States(
	ctx context.Context, aggregate string, subjects []string,
) ([]projections.StoredState, error) {
	ids := make([]string, len(subjects))
	for i, subject := range subjects {
		ids[i] = stateID(aggregate, subject)
	}
	docs, err := o.store.client.get(ctx, o.store.statesIndex(o.build.Projection, o.build.Number), ids)
	if err != nil {
		return nil, noBuild(err)
	}
	var all []projections.StoredState
	for i, subject := range subjects {
		d := docs[i]
		if !d.Found {
			continue
		}
		var s stateDocument
		if err := json.Unmarshal(d.Source, &s); err != nil {
			return nil, fmt.Errorf("the state %s of %s in OpenSearch: %w", d.ID, o.name(), err)
		}
		all = append(all, projections.StoredState{
			Aggregate: aggregate, Subject: subject, Sequence: s.Sequence, State: s.State,
		})
	}
	return all, nil
}
