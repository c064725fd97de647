package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cellTime is how a time is written: of the same length always, in UTC.
const cellTime = "2006-01-02T15:04:05.000000Z"

// null is what cell makes of null: no text of a row is just that.
const null = "\x00"

// cell returns a value of a column as a text, which is the same for all stores, whatever their clients make
// of it: some have numbers and times as texts, booleans as numbers, and texts as bytes. Want is a value of
// the column's type.
func cell(want, value any) string {
	switch v := value.(type) {
	case nil:
		return null
	case time.Time:
		return v.UTC().Truncate(time.Microsecond).Format(cellTime)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		if v {
			return "1"
		}
		return "0"
	case []byte:
		return cell(want, string(v))
	case string:
		switch want.(type) {
		case []any, map[string]any:
			return asJSON([]byte(v))
		}
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%v (%v)", value, err)
	}
	return asJSON(text)
}

// asJSON returns what a JSON text says in one form. One that is none is as it is.
func asJSON(text []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return string(text)
	}
	again, err := json.Marshal(value)
	if err != nil {
		return string(text)
	}
	return string(again)
}

// differing says which columns of a stored row are not what they should be; nothing if all are. Columns that
// are not known don't count: a migration may have added them.
func differing(want, is map[string]any) string {
	var wrong []string
	for _, column := range slices.Sorted(maps.Keys(want)) {
		should, has := cell(want[column], want[column]), cell(want[column], is[column])
		if should != has {
			wrong = append(wrong, fmt.Sprintf("%s is %s, its events make %s", column, shownCell(has),
				shownCell(should)))
		}
	}
	return strings.Join(wrong, "; ")
}

// rowText is a row as a report shows it.
func rowText(columns map[string]any) string {
	var parts []string
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		parts = append(parts, column+"="+shownCell(cell(nil, columns[column])))
	}
	return strings.Join(parts, " ")
}

func shownCell(text string) string {
	const most = 60
	switch {
	case text == null:
		return "null"
	case len(text) > most:
		return strconv.Quote(text[:most]) + "…"
	case text == "" || strings.ContainsAny(text, " \t\n\"") || !strconv.CanBackquote(text):
		return strconv.Quote(text)
	}
	return text
}
