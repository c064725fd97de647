package api

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// cursor is where a page begins: behind a row, which it names by what the list is ordered by.
type cursor struct {
	endpoint.Text

	list   string
	values []string
}

const (
	cursorAllowed = "the cursor in the next of a page of this list"
	// maxCursorBytes is more than that of the longest IDs.
	maxCursorBytes = 8 << 10
)

// Describe returns its description.
func (cursor) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Where the page begins: as the next of the page before has it.",
		&huma.Schema{Type: huma.TypeString, MaxLength: new(maxCursorBytes)}, nil)
}

// UnmarshalText reads it.
func (c *cursor) UnmarshalText(text []byte) error {
	c.Sent = string(text)
	if !c.read() {
		c.Refuse(cursorAllowed)
	}
	return nil
}

func (c *cursor) read() bool {
	if len(c.Sent) > maxCursorBytes {
		return false
	}
	plain, err := base64.RawURLEncoding.DecodeString(c.Sent)
	if err != nil {
		return false
	}
	var parts []string
	if err := json.Unmarshal(plain, &parts); err != nil || len(parts) < 2 {
		return false
	}
	c.list, c.values = parts[0], parts[1:]
	return true
}

// cursorOf returns the cursor that names a row of a list.
func cursorOf(list string, values ...string) string {
	text, _ := json.Marshal(append([]string{list}, values...)) // texts can be encoded
	return base64.RawURLEncoding.EncodeToString(text)
}

// of returns the values of the cursor, none if it is not given; the error says that it is not one of this
// list.
func (c *cursor) of(list string, values int) ([]string, error) {
	if c.Sent == "" {
		return nil, nil
	}
	if c.list != list || len(c.values) != values {
		return nil, c.wrong()
	}
	return c.values, nil
}

func (c *cursor) wrong() error {
	return problem.Invalid(wire.Mistake{Path: "query.cursor", Allowed: cursorAllowed, Found: c.Sent})
}

// timeForm is how times are compared in databases: of fixed width, in UTC and whole microseconds. Those that
// keep times as text have them so.
const timeForm = "2006-01-02T15:04:05.000000Z"

func timeText(t time.Time) string { return t.UTC().Format(timeForm) }

func isTimeText(text string) bool {
	t, err := time.Parse(timeForm, text)
	return err == nil && timeText(t) == text
}
