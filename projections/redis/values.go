package redis

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"refold/projections"
)

// timeForm has a fixed width, so that times sort as texts.
const timeForm = "2006-01-02T15:04:05.000000Z"

// encode returns a value that is not null as a row's hash has it. The error is a *projections.Poison.
func encode(c *projections.Column, value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case time.Time:
		if v.Year() < 0 || v.Year() > 9999 {
			return "", &projections.Poison{Reason: projections.PoisonRefused, Err: fmt.Errorf(
				"column %s is a time of the year %d; it must be from 0 to 9999", c.Name, v.Year())}
		}
		return v.Format(timeForm), nil
	case []byte:
		return string(v), nil
	case json.RawMessage:
		return string(v), nil
	default:
		return "", fmt.Errorf("column %s is a %T", c.Name, value)
	}
}

// decode returns what encode was given.
func decode(c *projections.Column, text string, has bool) (any, error) {
	if !has {
		if c.Nullable {
			return nil, nil //nolint:nilnil // null
		}
		return nil, fmt.Errorf("column %s is missing", c.Name)
	}
	var value any = text
	var err error
	switch c.Type {
	case projections.Integer:
		value, err = strconv.ParseInt(text, 10, 64)
	case projections.Real:
		value, err = strconv.ParseFloat(text, 64)
	case projections.Boolean:
		value, err = strconv.ParseBool(text)
	case projections.Text, projections.Time, projections.Bytes, projections.JSON:
	}
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", c.Name, err)
	}
	return c.Read(value) //nolint:wrapcheck // it names the column
}

// decodeRow returns the values of a row as HMGET has them, nil if there is no such row.
func decodeRow(t *projections.Table, answer any) ([]any, error) {
	fields, has, err := texts(answer)
	if err != nil {
		return nil, fmt.Errorf("a row of %s: %w", t.Name, err)
	}
	if len(fields) != len(t.Columns) {
		return nil, fmt.Errorf("a row of %s has %d columns; they must be %d", t.Name, len(fields),
			len(t.Columns))
	}
	if !has[t.Keys()[0]] {
		return nil, nil // a key is never null
	}
	values := make([]any, len(fields))
	for i := range t.Columns {
		if values[i], err = decode(&t.Columns[i], fields[i], has[i]); err != nil {
			return nil, fmt.Errorf("a row of %s: %w", t.Name, err)
		}
	}
	return values, nil
}

// decodeRows returns the rows of a script's answer; nil for those that are not there.
func decodeRows(t *projections.Table, answer any) ([][]any, error) {
	items, is := answer.([]any)
	if !is {
		return nil, fmt.Errorf("the answer has a %T; it must be a list of rows", answer)
	}
	rows := make([][]any, len(items))
	for i, item := range items {
		var err error
		if rows[i], err = decodeRow(t, item); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
