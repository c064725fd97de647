package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"refold/projections"
)

// action is a write of one document.
type action struct {
	op string // index, create or delete
	on target
	// document is nil in a delete.
	document []byte
}

// target names the document, and says when it may be written.
type target struct {
	Index string `json:"_index"`
	ID    string `json:"_id"`
	// Version is the document's after the write, which is refused if it has a greater one.
	Version     *int64 `json:"version,omitempty"`
	VersionType string `json:"version_type,omitempty"`
	// SeqNo and PrimaryTerm are those that the document must have.
	SeqNo       *int64 `json:"if_seq_no,omitempty"`
	PrimaryTerm *int64 `json:"if_primary_term,omitempty"`
}

// versioned returns a target whose writes are ordered by their versions.
func versioned(index, id string, version int64) target {
	return target{Index: forWriting(index), ID: id, Version: &version, VersionType: "external_gte"}
}

// lines returns an action as a bulk request has it.
func (a action) lines() ([]byte, error) {
	head, err := json.Marshal(map[string]target{a.op: a.on})
	if err != nil {
		return nil, fmt.Errorf("document %s of %s: %w", a.on.ID, a.on.Index, err)
	}
	lines := append(head, '\n')
	if a.document != nil {
		lines = append(append(lines, a.document...), '\n')
	}
	return lines, nil
}

// cut returns the bodies of requests that have the actions in their order, and how many each has. A body is at
// most limit long, unless it is one action.
func cut(actions []action, limit int) (bodies [][]byte, counts []int, err error) {
	var body bytes.Buffer
	count := 0
	end := func() {
		if count > 0 {
			bodies, counts = append(bodies, bytes.Clone(body.Bytes())), append(counts, count)
		}
		body.Reset()
		count = 0
	}
	for _, a := range actions {
		lines, err := a.lines()
		if err != nil {
			return nil, nil, err
		}
		if body.Len()+len(lines) > limit {
			end()
		}
		body.Write(lines)
		count++
	}
	end()
	return bodies, counts, nil
}

// bulk writes documents, and returns the failures of those that were not written, nil for the others, in the
// order of the actions. It calls before each request may, if that is not nil, and ends with its error. The
// error is of a whole request: then nothing is known of it and the later ones.
func (c *client) bulk(ctx context.Context, actions []action, may func() error) ([]*failure, error) {
	bodies, counts, err := cut(actions, c.options.BulkBytes)
	if err != nil {
		return nil, err
	}
	var all []*failure
	for i, body := range bodies {
		if may != nil {
			if err := may(); err != nil {
				return nil, err
			}
		}
		// Without an alias of that name, nothing is written, and no index is made.
		answer, err := c.send(ctx, http.MethodPost, "/_bulk?require_alias=true", typeLines, body)
		var f *failure
		switch {
		case errors.As(err, &f) && f.status == http.StatusRequestEntityTooLarge && counts[i] == 1:
			all = append(all, f) // it is about this document
			continue
		case err != nil:
			return nil, err
		}
		items, err := itemsOf(answer)
		if err != nil {
			return nil, err
		}
		if len(items) != counts[i] {
			return nil, fmt.Errorf("OpenSearch: a bulk request of %d documents is answered for %d", counts[i],
				len(items))
		}
		all = append(all, items...)
	}
	return all, nil
}

// itemsOf reads the answer to a bulk request: the failure of each item, nil if there is none.
func itemsOf(answer []byte) ([]*failure, error) {
	var read struct {
		Items []map[string]struct {
			ID     string `json:"_id"`
			Index  string `json:"_index"`
			Status int    `json:"status"`
			Error  *cause `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(answer, &read); err != nil {
		return nil, fmt.Errorf("OpenSearch: the answer to a bulk request: %w", err)
	}
	all := make([]*failure, len(read.Items))
	for i, item := range read.Items {
		if len(item) != 1 {
			return nil, fmt.Errorf("OpenSearch: item %d of the answer to a bulk request has %d actions; it must "+
				"have one", i, len(item))
		}
		for op, result := range item {
			what := fmt.Sprintf("%s %s of %s", op, result.ID, result.Index)
			switch {
			case result.Error != nil:
				reason := result.Error.full()
				all[i] = &failure{
					what: what, status: result.Status, kind: result.Error.Type,
					reason: reason[:min(len(reason), maxReasonBytes)],
				}
			case result.Status >= http.StatusBadRequest && (op != "delete" || result.Status != http.StatusNotFound):
				all[i] = &failure{what: what, status: result.Status, kind: http.StatusText(result.Status)}
			}
		}
	}
	return all, nil
}

// actionOf returns the write of a change. The error is projections.ErrCantMerge, or a *projections.Poison.
func (s *Store) actionOf(number int, c projections.Change) (action, error) {
	on := versioned(s.tableIndex(c.Table.Name, number), documentID(c.Key()), c.Sequence)
	switch c.Op {
	case projections.OpDelete:
		return action{op: "delete", on: on}, nil
	case projections.OpPut:
		document, err := encodeRow(c.Table, c.Values)
		return action{op: "index", on: on, document: document}, err
	default:
		return action{}, fmt.Errorf("a row of %s: %w", c.Table.Name, projections.ErrCantMerge)
	}
}

// settled returns what is left of failures about rows: a document that is newer than the write is fine.
func settled(failures []*failure, judge func(*failure) error) error {
	var fault error
	for _, f := range failures {
		if f == nil || f.status == http.StatusConflict {
			continue
		}
		err := judge(f)
		var poison *projections.Poison
		if errors.As(err, &poison) {
			return err
		}
		fault = err
	}
	return fault
}
