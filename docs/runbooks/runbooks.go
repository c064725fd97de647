package runbooks

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Text returns a runbook by its name without the ending, and whether there is one.
func Text(name string) (string, bool) {
	if strings.ContainsAny(name, `/\`) {
		return "", false
	}
	text, err := files.ReadFile(name + ".md")
	return string(text), err == nil
}
