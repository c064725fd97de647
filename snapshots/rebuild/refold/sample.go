package refold

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Sample is a row that differs, for people.
type Sample struct {
	Key     string  `json:"key"`
	Verdict Verdict `json:"verdict"`
	// Fields are what differs, in the order of their paths.
	Fields []Field `json:"fields,omitempty"`
}

// Field is a value that differs.
type Field struct {
	// Path leads to the value in the fold's JSON, such as sequence or state.charges[0].refundable.
	Path string `json:"path"`
	// Row is the table's value, Fold that of the events; empty where there is none.
	Row  json.RawMessage `json:"row,omitempty"`
	Fold json.RawMessage `json:"fold,omitempty"`
}

// Sample returns the fields in which row and fold differ.
func (p *Pair) Sample(v Verdict) (Sample, error) {
	s := Sample{Key: string(p.Key), Verdict: v}
	folded, err := p.folded()
	if err != nil {
		return s, err
	}
	want, err := p.values(folded)
	if err != nil {
		return s, err
	}
	have := map[string]json.RawMessage{}
	if v != Unreadable {
		if have, err = p.values(p.Row); err != nil {
			return s, err
		}
	}
	paths := maps.Clone(want)
	maps.Copy(paths, have)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !bytes.Equal(have[path], want[path]) {
			s.Fields = append(s.Fields, Field{Path: path, Row: have[path], Fold: want[path]})
		}
	}
	return s, nil
}

// values returns a row's values by their paths.
func (p *Pair) values(row []byte) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	if row == nil {
		return values, nil
	}
	text, err := p.rows.JSON(row)
	if err != nil {
		return nil, unusable(p.Key, err)
	}
	flatten(values, "", text)
	return values, nil
}

// flatten puts the values of a piece of JSON under their paths.
func flatten(to map[string]json.RawMessage, path string, text json.RawMessage) {
	var object map[string]json.RawMessage
	var array []json.RawMessage
	switch {
	case json.Unmarshal(text, &object) == nil && len(object) > 0:
		for name, value := range object {
			flatten(to, strings.TrimPrefix(path+"."+name, "."), value)
		}
	case json.Unmarshal(text, &array) == nil && len(array) > 0:
		for i, value := range array {
			flatten(to, fmt.Sprintf("%s[%d]", path, i), value)
		}
	default:
		to[path] = text
	}
}
