package opensearch

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"refold/projections"
)

// timeForm has whole microseconds, and is what strict_date_optional_time reads.
const timeForm = "2006-01-02T15:04:05.000000Z"

// encodeRow returns the document of a row, its columns in their order. The error is a *projections.Poison.
func encodeRow(t *projections.Table, values []any) ([]byte, error) {
	var b bytes.Buffer
	for i := range t.Columns {
		c := &t.Columns[i]
		value, err := encode(c, values[i])
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(strconv.Quote(c.Name)) // letters, digits and underscores
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func encode(c *projections.Column, value any) ([]byte, error) {
	refused := func(format string, args ...any) error {
		return &projections.Poison{Reason: projections.PoisonRefused, Err: fmt.Errorf(
			"column %s "+format, append([]any{c.Name}, args...)...)}
	}
	switch v := value.(type) {
	case string:
		if !utf8.ValidString(v) {
			return nil, refused("is %.40q, which is not UTF-8", v)
		}
	case time.Time:
		if v.Year() < 0 || v.Year() > 9999 {
			return nil, refused("is a time of the year %d; it must be from 0 to 9999", v.Year())
		}
		value = v.Format(timeForm)
	case json.RawMessage:
		if !utf8.Valid(v) {
			return nil, refused("is JSON that is not UTF-8")
		}
	}
	text, err := json.Marshal(value) // bytes become Base64
	if err != nil {
		return nil, refused("has no JSON: %w", err)
	}
	return text, nil
}

// decodeRow returns the values of a document's columns.
func decodeRow(t *projections.Table, document []byte) ([]any, error) {
	if !utf8.Valid(document) {
		return nil, fmt.Errorf("a row of %s is not UTF-8", t.Name)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(document, &fields); err != nil {
		return nil, fmt.Errorf("a row of %s: %w", t.Name, err)
	}
	values := make([]any, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		field, has := fields[c.Name]
		if !has {
			return nil, fmt.Errorf("a row of %s has no column %s", t.Name, c.Name)
		}
		var err error
		if values[i], err = decode(c, field); err != nil {
			return nil, fmt.Errorf("a row of %s: column %s: %w", t.Name, c.Name, err)
		}
	}
	return values, nil
}

func decode(c *projections.Column, field json.RawMessage) (any, error) {
	if string(field) == "null" && (c.Nullable || c.Type != projections.JSON) {
		return c.Read(nil) //nolint:wrapcheck // the caller names the column
	}
	switch c.Type {
	case projections.JSON:
		return json.RawMessage(bytes.Clone(field)), nil
	case projections.Integer:
		return into[int64](field)
	case projections.Real:
		return into[float64](field)
	case projections.Boolean:
		return into[bool](field)
	case projections.Text, projections.Time, projections.Bytes:
	}
	text, err := into[string](field)
	if err != nil {
		return nil, err
	}
	if c.Type == projections.Bytes {
		content, err := base64.StdEncoding.DecodeString(text.(string))
		if err != nil {
			return nil, fmt.Errorf("it is no Base64: %w", err)
		}
		return content, nil
	}
	return c.Read(text) //nolint:wrapcheck // the caller names the column
}

// into reads JSON as a V.
func into[V any](field []byte) (any, error) {
	var v V
	if err := json.Unmarshal(field, &v); err != nil {
		return nil, fmt.Errorf("it is %.40q: %w", field, err)
	}
	return v, nil
}
