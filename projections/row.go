package projections

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// Row returns the struct of a row by the values of all columns, in their order and of the types that [Column]
// names, as views give them. It is the way back from [Table.Values]. The error names the column that has no
// such value, or one that does not fit into its field.
func (t TableOf[R]) Row(values []any) (row R, err error) {
	if len(values) != len(t.Columns) {
		return row, fmt.Errorf("table %s has %d columns, the row has %d values", t.Name, len(t.Columns),
			len(values))
	}
	v := reflect.ValueOf(&row).Elem()
	for i := range t.Columns {
		c := &t.Columns[i]
		if err := c.set(v.FieldByIndex(c.field), values[i]); err != nil {
			return row, fmt.Errorf("table %s, column %s: %w", t.Name, c.Name, err)
		}
	}
	return row, nil
}

// set puts a value into the field of the column.
func (c *Column) set(field reflect.Value, value any) error {
	if c.Nullable {
		if value == nil {
			return nil
		}
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch v := value.(type) {
	case string:
		if c.Type == Text {
			field.SetString(v)
			return nil
		}
	case int64:
		if c.Type == Integer {
			return setInteger(field, v)
		}
	case float64:
		if c.Type == Real {
			field.SetFloat(v)
			return nil
		}
	case bool:
		if c.Type == Boolean {
			field.SetBool(v)
			return nil
		}
	case time.Time:
		if c.Type == Time {
			field.Set(reflect.ValueOf(v))
			return nil
		}
	case []byte:
		if c.Type == Bytes {
			field.SetBytes(append([]byte{}, v...))
			return nil
		}
	case json.RawMessage:
		if c.Type == JSON {
			return setJSON(field, v)
		}
	}
	return fmt.Errorf("a %T is no %s", value, c.Type)
}

func setInteger(field reflect.Value, n int64) error {
	switch {
	case field.CanUint() && n >= 0 && !field.OverflowUint(uint64(n)):
		field.SetUint(uint64(n))
	case field.CanInt() && !field.OverflowInt(n):
		field.SetInt(n)
	default:
		return fmt.Errorf("%d does not fit into a %v", n, field.Type())
	}
	return nil
}

func setJSON(field reflect.Value, text json.RawMessage) error {
	if field.Type() == rawType {
		field.SetBytes(append([]byte{}, text...))
		return nil
	}
	if err := json.Unmarshal(text, field.Addr().Interface()); err != nil {
		return fmt.Errorf("%.40q is no %v: %w", text, field.Type(), err)
	}
	return nil
}
