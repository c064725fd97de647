package client

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"refold/client/wire"
)

// Why says which fields are to be explained.
type Why struct {
	// Fields are the paths of the fields: "balance", "charges[0].refundable"; none: all fields of the state.
	Fields []string
	// Sequence asks for the state after the event of that sequence; 0: the newest one.
	Sequence int64
}

// Reasons says which events last set fields of a state.
type Reasons struct {
	wire.Why

	Raw json.RawMessage // as it came
}

// Why returns which events last set fields of an aggregate, and who sent their commands. Fields that the
// state has never had are a *Problem with the code wire.CodeNoField, whose Errors say which there are.
func (c *Client) Why(ctx context.Context, aggregate, id string, w Why) (*Reasons, error) {
	query := url.Values{}
	if len(w.Fields) > 0 {
		query.Set("field", strings.Join(w.Fields, ","))
	}
	if w.Sequence > 0 {
		query.Set("sequence", strconv.FormatInt(w.Sequence, 10))
	}
	reasons := &Reasons{}
	a, err := c.fetch(ctx, get(withQuery(pathOf(aggregate, id)+"/why", query)), &reasons.Why)
	if err != nil {
		return nil, err
	}
	reasons.Raw = a.raw
	return reasons, nil
}
