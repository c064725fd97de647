package markdown

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"refold/program/operate/catalogue"
)

// book is a catalogue on its way to one or several files.
type book struct {
	*catalogue.Catalogue
	// places are where messages are: a file, and the anchor of a heading. The first time that all pages are
	// written finds them, and the second time links to them.
	places map[string]place
}

type place struct{ file, anchor string }

// page is a file.
type page struct {
	*book
	file string
	text strings.Builder
	used map[string]int // headings' anchors
}

func (b *book) page(file string) *page { return &page{book: b, file: file, used: map[string]int{}} }

// line writes a line of text, and an empty one behind it.
func (p *page) line(parts ...string) {
	for _, part := range parts {
		p.text.WriteString(part)
	}
	p.text.WriteString("\n\n")
}

// heading writes a heading. id is what link knows it by.
func (p *page) heading(level int, text, id string) {
	p.line(strings.Repeat("#", level), " ", escape(text))
	anchor := anchorOf(text)
	if n := p.used[anchor]; n > 0 {
		p.used[anchor]++
		anchor += "-" + strconv.Itoa(n)
	} else {
		p.used[anchor] = 1
	}
	if id != "" {
		p.places[id] = place{p.file, anchor}
	}
}

// anchorOf returns the anchor that Git hosts give the first heading of a text.
func anchorOf(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

// link returns a link to a heading; only the text if there is none.
func (p *page) link(text, id string) string {
	at, has := p.places[id]
	switch {
	case !has:
		return escape(text)
	case at.file == p.file:
		return fmt.Sprintf("[%s](#%s)", escape(text), at.anchor)
	}
	return fmt.Sprintf("[%s](%s#%s)", escape(text), at.file, at.anchor)
}

// table writes a table of cells that are Markdown already.
func (p *page) table(head []string, rows [][]string) {
	row := func(cells []string) {
		p.text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	row(head)
	p.text.WriteString("|" + strings.Repeat("---|", len(head)) + "\n")
	for _, cells := range rows {
		row(cells)
	}
	p.text.WriteByte('\n')
}

// escape returns foreign text as Markdown that shows it as it is, in one line.
func escape(text string) string {
	var b strings.Builder
	for i, word := range strings.Fields(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		for _, r := range word {
			switch {
			case r == '<':
				b.WriteString("&lt;")
				continue
			case r == '&':
				b.WriteString("&amp;")
				continue
			case strings.ContainsRune("\\`*[]|~$", r), r == '_' && !innerUnderscore(word):
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// innerUnderscore reports whether the underscores of a word are all within it, where they mean nothing.
func innerUnderscore(word string) bool { return word[0] != '_' && word[len(word)-1] != '_' }

// code returns foreign text as code in a line, also in a table.
func code(text string) string {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

// list joins parts: "a, b and c".
func list(parts []string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}
