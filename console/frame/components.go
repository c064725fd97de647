package frame

import "unicode/utf8"

// PillKind is the kind of a status.
type PillKind string

// The kinds.
const (
	Good  PillKind = "good"
	Bad   PillKind = "bad"
	Warn  PillKind = "warn"
	Wait  PillKind = "wait"
	Plain PillKind = "plain"
)

func (k PillKind) symbol() string {
	switch k {
	case Good:
		return "✓"
	case Bad:
		return "✕"
	case Warn:
		return "!"
	case Wait:
		return "…"
	case Plain:
	}
	return ""
}

// Link leads somewhere.
type Link struct {
	Text, Path string
	Active     bool // it leads to the page that it is on
}

// Act is something that a form does.
type Act struct {
	Path, Label string
	Right       Right
	Fields      []Field // hidden
	// Confirm is a sentence that has to be agreed to, such as "Discard 12 dead letters for good"; empty:
	// none.
	Confirm string
}

// Field is a field of a form.
type Field struct{ Name, Value string }

// shortRunes is as much as is read out before one has understood.
const shortRunes = 40

// Short cuts a text that is too long to be read out.
func Short(text string) string {
	if utf8.RuneCountInString(text) <= shortRunes {
		return text
	}
	runes := []rune(text)
	return string(runes[:shortRunes]) + "…"
}
