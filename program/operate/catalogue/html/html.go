package html

import (
	"bytes"
	_ "embed" // the page's template and style
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"refold/processors"
	"refold/program/operate/catalogue"
)

var (
	//go:embed page.tmpl
	pageText string
	//go:embed message.tmpl
	messageText string
	//go:embed style.css
	style string

	page = template.Must(template.Must(template.New("page").Funcs(functions).Parse(pageText)).
		Parse(messageText))
)

// functions are those of the templates.
var functions = template.FuncMap{
	"kept":       catalogue.Kept,
	"change":     catalogue.ChangeText,
	"indent":     indent,
	"reaction":   reactionText,
	"dictionary": dictionary,
}

// view is what the page shows.
type view struct {
	*catalogue.Catalogue
	Style   template.CSS
	Diagram diagram
	Kinds   []kindHeaders
}

// kindHeaders are the headers of records of a kind.
type kindHeaders struct {
	Kind    catalogue.Kind
	Headers []catalogue.Header
}

// Write writes the catalogue as one HTML file.
func Write(w io.Writer, c *catalogue.Catalogue) error {
	v := view{
		Catalogue: c, Diagram: newDiagram(c),
		Style: template.CSS(style), //nolint:gosec // it is our own
	}
	for _, kind := range []catalogue.Kind{catalogue.Command, catalogue.Event, catalogue.Result} {
		v.Kinds = append(v.Kinds, kindHeaders{kind, catalogue.HeadersOf(kind)})
	}
	if err := page.Execute(w, v); err != nil {
		return fmt.Errorf("write the catalogue as HTML: %w", err)
	}
	return nil
}

// Plural returns the plural of an aggregate.
func (v view) Plural(aggregate string) string {
	for i := range v.Aggregates {
		if v.Aggregates[i].Name == aggregate {
			return v.Aggregates[i].Plural
		}
	}
	return aggregate
}

// Ref returns the anchor of a message; "" if there is none.
func (v view) Ref(aggregate string, kind catalogue.Kind, name string) string {
	if m := v.Message(aggregate, kind, name); m != nil {
		return m.ID()
	}
	return ""
}

// Cause returns the anchor of what a process reacts to; "" if it is not known.
func (v view) Cause(p catalogue.Process, r processors.Reaction) string {
	if r.Outcome == "" {
		return v.Ref(p.Of, catalogue.Event, r.On)
	}
	for _, s := range p.Results {
		if ref := v.Ref(s.Aggregate, catalogue.Command, r.On); ref != "" {
			return ref
		}
	}
	return ""
}

// indent returns JSON over several lines; other text as it is.
func indent(text any) string {
	raw := fmt.Sprintf("%s", text)
	var b bytes.Buffer
	if json.Indent(&b, []byte(raw), "", "  ") != nil {
		return raw
	}
	return b.String()
}

// dictionary joins the view and a value, for templates that need both.
func dictionary(v view, value any) struct {
	V view
	M any
} {
	return struct {
		V view
		M any
	}{v, value}
}
