package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// aloneFor is how long somebody may be alone: longer than the few requests that it takes. If it dies, others
// wait that long.
const aloneFor = time.Minute

// errBusy says that another take-over or drop of the projection's builds is under way.
var errBusy = errors.New("another take-over or drop is under way")

// lock is the document of the one that is alone.
type lock struct {
	// Until is when it has ended at the latest, in milliseconds since 1970.
	Until int64 `json:"until"`
}

// alone calls do while nobody else is alone with the projection. It returns errBusy if somebody is.
func (s *Store) alone(ctx context.Context, projection string, do func(context.Context) error) error {
	id := projection + ".alone"
	docs, err := s.client.get(ctx, s.buildsIndex(), []string{id})
	if err != nil {
		return noBuild(err)
	}
	now := time.Now()
	mine, err := json.Marshal(lock{Until: now.Add(aloneFor).UnixMilli()})
	if err != nil {
		return fmt.Errorf("the lock of %s: %w", projection, err)
	}
	take := action{op: "create", on: target{Index: forWriting(s.buildsIndex()), ID: id}, document: mine}
	if docs[0].Found {
		var other lock
		if err := json.Unmarshal(docs[0].Source, &other); err != nil {
			return fmt.Errorf("the lock of %s in OpenSearch: %w", projection, err)
		}
		if other.Until > now.UnixMilli() {
			return errBusy
		}
		take.op, take.on.SeqNo, take.on.PrimaryTerm = "index", &docs[0].SeqNo, &docs[0].PrimaryTerm
	}
	results, err := s.client.bulk(ctx, []action{take}, nil)
	switch {
	case err != nil:
		return err
	case results[0].failure != nil && results[0].failure.status == http.StatusConflict:
		return errBusy
	case results[0].failure != nil:
		return results[0].failure
	}
	defer func() {
		leave := action{op: "delete", on: take.on}
		leave.on.SeqNo, leave.on.PrimaryTerm = &results[0].seqNo, &results[0].term
		_, _ = s.client.bulk(context.WithoutCancel(ctx), []action{leave}, nil) // it ends by itself otherwise
	}()
	ctx, cancel := context.WithTimeout(ctx, aloneFor/2)
	defer cancel()
	return do(ctx)
}
