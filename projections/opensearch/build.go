package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

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
	claimed := make(map[projections.Partition]projections.Progress)
	left := partitions
	for range maxTries {
		all, _, err := o.progressAt(ctx, left)
		if err != nil {
			return nil, err
		}
		actions := make([]action, len(all))
		for i := range all {
			all[i].Epoch++
			actions[i] = o.store.progressAction(o.build.Projection, o.build.Number, all[i])
		}
		results, err := o.store.client.bulk(ctx, actions, nil)
		if err != nil {
			return nil, err
		}
		var again []projections.Partition
		for i, r := range results {
			switch {
			case r.failure == nil:
				claimed[left[i]] = all[i].public()
			case r.failure.status == http.StatusConflict:
				again = append(again, left[i])
			default:
				return nil, noBuild(r.failure)
			}
		}
		if left = again; len(left) == 0 {
			break
		}
	}
	if len(left) > 0 {
		return nil, fmt.Errorf("claiming partitions of %s: others were faster %d times", o.name(), maxTries)
	}
	all := make([]projections.Progress, len(partitions))
	for i, p := range partitions {
		all[i] = claimed[p]
	}
	return all, nil
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
