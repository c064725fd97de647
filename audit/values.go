package audit

import (
	"fmt"
	"strings"
	"time"
)

// Text returns a field of an event; "" if it has no such text.
func (e Event) Text(field string) string { return text(e.Fields, field) }

// Int returns a field of an event; 0 if it has no such number.
func (e Event) Int(field string) int64 { return whole(e.Fields, field) }

func text(fields map[string]any, name string) string {
	s, _ := fields[name].(string)
	return s
}

func whole(fields map[string]any, name string) int64 {
	switch n := fields[name].(type) {
	case int64:
		return n
	case int32:
		return int64(n)
	}
	return 0
}

func list(fields map[string]any, name string) []any {
	items, _ := fields[name].([]any)
	return items
}

// isOf returns a function that finds the record of a list whose field has a value.
func isOf(field, value string) func(any) bool {
	return func(item any) bool {
		fields, _ := item.(map[string]any)
		return text(fields, field) == value
	}
}

// fill copies fields of a record into variables of their types.
func fill(fields, into map[string]any) error {
	for name, variable := range into {
		ok := false
		switch v := variable.(type) {
		case *string:
			*v, ok = fields[name].(string)
		case *int64:
			*v, ok = fields[name].(int64)
		case *bool:
			*v, ok = fields[name].(bool)
		case *[]byte:
			*v, ok = fields[name].([]byte)
		}
		if !ok {
			return fmt.Errorf("field %s is %T", name, fields[name])
		}
	}
	return nil
}

// copied returns a value that shares no map and no list with the one given.
func copied(value any) any {
	switch v := value.(type) {
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, field := range v {
			fields[name] = copied(field)
		}
		return fields
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = copied(item)
		}
		return items
	}
	return value
}

// plain returns a value as JSON shows it: a union without the name of its branch, and a time as time says.
func plain(value any, at func(time.Time) any) any {
	switch v := value.(type) {
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, field := range v {
			if len(v) == 1 && isBranch(name) {
				return plain(field, at)
			}
			fields[name] = plain(field, at)
		}
		return fields
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = plain(item, at)
		}
		return items
	case time.Time:
		return at(v)
	}
	return value
}

// isBranch reports whether a name is that of a union's branch, by goavro: a type, not a field.
func isBranch(name string) bool {
	switch name {
	case "boolean", "int", "long", "float", "double", "bytes", "string", "array", "map":
		return true
	}
	return strings.Contains(name, ".")
}
