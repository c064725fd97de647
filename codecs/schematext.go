package codecs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The members of a schema's objects in the order in which people write them. What is not listed follows
// in the order of its name.
var (
	namedTypeOrder = []string{"type", "name", "namespace", "aliases", "doc", "fields", "symbols", "size"}
	fieldOrder     = []string{"name", "type", "doc", "default", "aliases", "order"}
	typeOrder      = []string{"type", "items", "values", "logicalType", "precision", "scale"}
)

// orderedSchema returns a schema's text with the members in the usual order and without white space: a
// registry may take the same schema in another order for another one.
func orderedSchema(text string) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber() // a long has more digits than a float64
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return "", fmt.Errorf("read a schema's text: %w", err)
	}
	var out bytes.Buffer
	if err := writeOrdered(&out, tree); err != nil {
		return "", fmt.Errorf("write a schema's text: %w", err)
	}
	return out.String(), nil
}

func writeOrdered(out *bytes.Buffer, node any) error {
	switch n := node.(type) {
	case map[string]any:
		out.WriteByte('{')
		for i, key := range memberOrder(n) {
			if i > 0 {
				out.WriteByte(',')
			}
			fmt.Fprintf(out, "%q:", key)
			if err := writeOrdered(out, n[key]); err != nil {
				return err
			}
		}
		out.WriteByte('}')
		return nil
	case []any:
		out.WriteByte('[')
		for i, item := range n {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := writeOrdered(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(node); err != nil {
		return err //nolint:wrapcheck // orderedSchema does
	}
	out.Truncate(out.Len() - 1) // the line's end
	return nil
}

// memberOrder returns the names of an object's members in the order in which they are written.
func memberOrder(object map[string]any) []string {
	order := typeOrder
	switch {
	case object["fields"] != nil, object["symbols"] != nil, object["size"] != nil:
		order = namedTypeOrder
	case object["name"] != nil:
		order = fieldOrder
	}
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	return slices.SortedFunc(maps.Keys(object), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}
