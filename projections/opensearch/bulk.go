package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

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
	if a.document == nil {
		return append(head, '\n'), nil
	}
	return slices.Concat(head, []byte{'\n'}, a.document, []byte{'\n'}), nil
}

// cut returns the bodies of requests that have the actions in their order, and how many each has. A body is
// at most limit long, unless it is one action.
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

// result is what became of an action.
type result struct {
	failure *failure // nil: it was written
	// seqNo and term are those of the document then.
	seqNo, term int64
}

// bulk writes documents, and returns what became of them, in the order of the actions. Before each request it
// calls may, if that is not nil, and ends with its error. Another error is of a whole request: then nothing
// is known of it and the later ones.
func (c *client) bulk(ctx context.Context, actions []action, may func() error) ([]result, error) {
	bodies, counts, err := cut(actions, c.options.BulkBytes)
	if err != nil {
		return nil, err
	}
	var all []result
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
			all = append(all, result{failure: f}) // it is about this document
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

// item is what an answer to a bulk request says of an action.
type item struct {
	ID          string `json:"_id"`
	Index       string `json:"_index"`
	Status      int    `json:"status"`
	SeqNo       int64  `json:"_seq_no"`
	PrimaryTerm int64  `json:"_primary_term"`
	Error       *cause `json:"error"`
}

// result returns what it means. To delete what is not there is no failure.
func (i item) result(op string) result {
	f := &failure{
		what: fmt.Sprintf("%s %s of %s", op, i.ID, i.Index), status: i.Status,
		kind: http.StatusText(i.Status),
	}
	switch {
	case i.Error != nil:
		f.kind, f.reason = i.Error.Type, shortened(i.Error.full())
		return result{failure: f}
	case i.Status >= http.StatusBadRequest && (op != "delete" || i.Status != http.StatusNotFound):
		return result{failure: f}
	}
	return result{seqNo: i.SeqNo, term: i.PrimaryTerm}
}

// itemsOf reads the answer to a bulk request.
func itemsOf(answer []byte) ([]result, error) {
	var read struct {
		Items []map[string]item `json:"items"`
	}
	if err := json.Unmarshal(answer, &read); err != nil {
		return nil, fmt.Errorf("OpenSearch: the answer to a bulk request: %w", err)
	}
	all := make([]result, len(read.Items))
	for i, of := range read.Items {
		if len(of) != 1 {
			return nil, fmt.Errorf("OpenSearch: item %d of the answer to a bulk request has %d actions; it "+
				"must have one", i, len(of))
		}
		for op, item := range of {
			all[i] = item.result(op)
		}
	}
	return all, nil
}

// settled returns what is left of the failures of rows or states: that a document is newer than the write is
// fine.
func settled(results []result, judge func(*failure) error) error {
	var fault error
	for _, r := range results {
		if r.failure == nil || r.failure.status == http.StatusConflict {
			continue
		}
		err := judge(r.failure)
		var poison *projections.Poison
		if errors.As(err, &poison) {
			return err
		}
		fault = err
	}
	return fault
}
