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
	if !c.holds(value) {
		return fmt.Errorf("a %T is no %s", value, c.Type)
	}
	switch v := value.(type) {
	case string:
		field.SetString(v)
	case int64:
		return setInteger(field, v)
	case float64:
		field.SetFloat(v)
	case bool:
		field.SetBool(v)
	case time.Time:
		field.Set(reflect.ValueOf(v))
	case []byte:
		field.SetBytes(append([]byte{}, v...))
	case json.RawMessage:
		return setJSON(field, v)
	}
	return nil
}

// holds reports whether a value is of the Go type of the column's values.
func (c *Column) holds(value any) (is bool) {
	switch c.Type {
	case Text:
		_, is = value.(string)
	case Integer:
		_, is = value.(int64)
	case Real:
		_, is = value.(float64)
	case Boolean:
		_, is = value.(bool)
	case Time:
		_, is = value.(time.Time)
	case Bytes:
		_, is = value.([]byte)
	case JSON:
		_, is = value.(json.RawMessage)
	}
	return is
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
