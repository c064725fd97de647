package projections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ColumnType is what a column holds, and with it the Go type of its values in a [Change] and in a [Row].
type ColumnType string

// The types of columns, and the types of struct fields that they are made of.
const (
	Text    ColumnType = "text"    // string, in UTF-8
	Integer ColumnType = "integer" // int64, from any whole number that always fits
	Real    ColumnType = "real"    // float64
	Boolean ColumnType = "boolean" // bool
	// Time is a time.Time, UTC, of the years 1 to 9999, in whole microseconds: the finest that all stores
	// keep.
	Time  ColumnType = "time"
	Bytes ColumnType = "bytes" // []byte
	// JSON is a json.RawMessage, of any other struct, slice, array, map or interface. Slices and maps that
	// are nil are [] and {}, at any depth.
	JSON ColumnType = "json"
)

// Column is a column of a [Table].
type Column struct {
	Name string
	Type ColumnType
	// Key says that the column is part of the primary key, Subject that its value is the ID of the person or
	// thing that the row is about: rows are found by it. Sum columns are added to: see [TableOf.Merge].
	Key, Subject, Sum bool
	// Nullable is set for fields that are pointers.
	Nullable bool

	field []int
	none  string // the JSON of a nil value
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// columnTypeOf returns the type of the column that a field of this type makes; none if it can't be one.
func columnTypeOf(t reflect.Type) ColumnType {
	switch {
	case t == timeType:
		return Time
	case t == rawType:
		return JSON
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return Bytes
	}
	switch t.Kind() {
	case reflect.String:
		return Text
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return Integer
	case reflect.Float32, reflect.Float64:
		return Real
	case reflect.Bool:
		return Boolean
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map, reflect.Interface:
		return JSON
	default:
		return ""
	}
}

// columnOf describes a field by its tag: a name, and options.
func columnOf(f reflect.StructField) (Column, error) {
	name, options, _ := strings.Cut(f.Tag.Get("column"), ",")
	c := Column{Name: name, field: f.Index}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		c.Nullable, t = true, t.Elem()
	}
	c.Type, c.none = columnTypeOf(t), nilAs(t)
	if err := checkName("a column", name); err != nil {
		return c, err
	}
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "":
		case "key":
			c.Key = true
		case "subject":
			c.Subject = true
		case "sum":
			c.Sum = true
		default:
			return c, fmt.Errorf("the column %s has the option %q; allowed are key, subject and sum",
				name, option)
		}
	}
	switch {
	case c.Type == "":
		return c, fmt.Errorf("the column %s is a %v; it must be a text, a number that fits an int64 or a "+
			"float64, a bool, a time.Time, a []byte, or a struct, slice, array, map or interface for JSON",
			name, f.Type)
	case c.Key && (c.Nullable || c.Type != Text && c.Type != Integer):
		return c, fmt.Errorf("the key column %s is a %v; it must be a string or a whole number", name, f.Type)
	case c.Subject && c.Type != Text:
		return c, fmt.Errorf("the subject column %s is a %v; it must be a string", name, f.Type)
	case c.Sum && (c.Key || c.Nullable || c.Type != Integer):
		return c, fmt.Errorf("the sum column %s is a %v; it must be a whole number, and no key", name, f.Type)
	}
	return c, nil
}

// valueOf returns the value of the column in a struct of the table.
func (c *Column) valueOf(row reflect.Value) (any, error) {
	v := row.FieldByIndex(c.field)
	if c.Nullable {
		if v.IsNil() {
			return nil, nil //nolint:nilnil // null
		}
		v = v.Elem()
	}
	switch c.Type {
	case Text:
		if s := v.String(); utf8.ValidString(s) {
			return s, nil
		}
		return nil, fmt.Errorf("column %s is %.40q; it must be valid UTF-8", c.Name, v.String())
	case Integer:
		if v.CanUint() {
			return int64(v.Uint()), nil
		}
		return v.Int(), nil
	case Real:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, fmt.Errorf("column %s is %v; it must be a finite number", c.Name, v.Float())
	case Boolean:
		return v.Bool(), nil
	case Time:
		t := canonicalTime(v.Interface().(time.Time))
		if year := t.Year(); year < 1 || year > 9999 {
			return nil, fmt.Errorf("column %s is of the year %d; it must be one from 1 to 9999", c.Name, year)
		}
		return t, nil
	case Bytes:
		return append([]byte{}, v.Bytes()...), nil
	default:
		text, err := json.Marshal(withoutNils(v).Interface())
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		return json.RawMessage(text), nil
	}
}

func canonicalTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Zero returns what the column holds of a row that was merged and never set there.
func (c *Column) Zero() any {
	switch {
	case c.Nullable:
		return nil
	case c.Type == Text:
		return ""
	case c.Type == Integer:
		return int64(0)
	case c.Type == Real:
		return float64(0)
	case c.Type == Boolean:
		return false
	case c.Type == Time:
		return time.Time{}
	case c.Type == Bytes:
		return []byte{}
	default:
		return json.RawMessage(c.none)
	}
}

// Read returns a value as a store's client has it, by the column's type: whole numbers for booleans, texts
// for times (RFC 3339) and JSON. The error says what it is instead.
func (c *Column) Read(v any) (any, error) {
	if v == nil && c.Nullable {
		return nil, nil //nolint:nilnil // null
	}
	switch v := v.(type) {
	case string:
		return c.readText(v)
	case []byte:
		if c.Type == Bytes {
			return append([]byte{}, v...), nil
		}
		return c.readText(string(v))
	case int64:
		switch c.Type {
		case Integer:
			return v, nil
		case Boolean:
			return v != 0, nil
		case Real:
			return float64(v), nil
		default:
		}
	case float64:
		if c.Type == Real {
			return v, nil
		}
	case bool:
		if c.Type == Boolean {
			return v, nil
		}
	case time.Time:
		if c.Type == Time {
			return canonicalTime(v), nil
		}
	}
	return nil, fmt.Errorf("column %s holds a %T, which is no %s", c.Name, v, c.Type)
}

func (c *Column) readText(text string) (any, error) {
	switch c.Type {
	case Text:
		return text, nil
	case JSON:
		return json.RawMessage(text), nil
	case Bytes:
		return []byte(text), nil
	case Time:
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, fmt.Errorf("column %s holds %.40q, which is no time: %w", c.Name, text, err)
		}
		return canonicalTime(t), nil
	default:
		return nil, fmt.Errorf("column %s holds the text %.40q, which is no %s", c.Name, text, c.Type)
	}
}

// Equal reports whether two values of the column say the same. JSON is compared by what it says, 1e2 as 100,
// as some stores keep that and not its text.
func (c *Column) Equal(a, b any) bool {
	switch x := a.(type) {
	case time.Time:
		y, is := b.(time.Time)
		return is && x.Equal(y)
	case []byte:
		y, is := b.([]byte)
		return is && bytes.Equal(x, y)
	case json.RawMessage:
		y, is := b.(json.RawMessage)
		return is && (bytes.Equal(x, y) || reflect.DeepEqual(said(x), said(y)))
	default:
		return a == b
	}
}

// said returns what a JSON text says; the text itself if it is none.
func said(text json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return string(text)
	}
	return canonical(v)
}

// canonical returns a decoded JSON value with each number in one form.
func canonical(v any) any {
	switch v := v.(type) {
	case json.Number:
		return decimalOf(string(v))
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = canonical(v[key])
		}
	}
	return v
}

// decimal is a number: digits without zeros at their ends, and a power of ten. It has any precision.
type decimal struct {
	digits string // with the sign; empty: 0
	power  int
}

// decimalOf returns a JSON number by what it says: 1.50 and 15e-1 are the same.
func decimalOf(number string) decimal {
	text, negative := strings.CutPrefix(number, "-")
	text, exponent, has := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, _ := strings.Cut(text, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return decimal{}
	}
	var power int
	if has {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil {
			return decimal{digits: number} // beyond all that a store computes with
		}
	}
	short := strings.TrimRight(digits, "0")
	power += len(digits) - len(short) - len(fraction)
	if negative {
		short = "-" + short
	}
	return decimal{short, power}
}
