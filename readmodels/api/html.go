package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"time"
)

//go:embed statement.html.tmpl
var statementText string

var statementPage = template.Must(template.New("statement").Funcs(template.FuncMap{
	"money": decimal,
	"unit":  unit,
	"day":   func(t time.Time) string { return t.UTC().Format(time.DateOnly) },
	"clock": func(t time.Time) string { return t.UTC().Format(time.TimeOnly) },
}).Parse(statementText))

// answerHTML answers with a statement as a page to look at, and to print: without scripts, and without
// anything that is loaded.
func answerHTML(s *Statement, has ifNoneMatch) *output {
	var b bytes.Buffer
	if err := statementPage.Execute(&b, s); err != nil {
		panic(fmt.Errorf("make the page of a statement: %w", err)) // the template is wrong
	}
	out := answer(mediaHTML, b.Bytes(), has, s.Next)
	out.Policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'"
	return out
}
