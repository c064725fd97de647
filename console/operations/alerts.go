package operations

import (
	"net/http"
	filepath "path"
	"strconv"
	"strings"

	"refold/console/frame"
)

// Alert is a rule by which a Prometheus that watches workers calls somebody.
type Alert struct {
	Name, Severity string
	Expr, For      string
	// Why says what it means, Todo what is to be done.
	Why, Todo string
	Runbook   string // the path of its page in the repository
}

// alerts answers GET /console/operations/alerts.
func (o *pages) alerts(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	return p.Show(w, r, "Alerts", alerts(p, o.Alerts))
}

// runbook answers GET /console/operations/alerts/runbooks/{name}.
func (o *pages) runbook(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	name := r.PathValue("name")
	text, has := o.Runbook(name)
	if !has {
		return frame.NotFound("There is no such runbook",
			"The program has none called "+strconv.Quote(name)+".")
	}
	title := "Runbook " + name
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "# ") {
		title, text = strings.TrimPrefix(first, "# "), strings.TrimLeft(rest, "\n")
	}
	var of []string
	for _, a := range o.Alerts {
		if runbookName(a.Runbook) == name {
			of = append(of, a.Name)
		}
	}
	return p.Show(w, r, title, runbook(title, text, of))
}

// runbookName is the name of a runbook without folder and ending.
func runbookName(of string) string { return strings.TrimSuffix(filepath.Base(of), ".md") }

// severity says how urgent an alert is.
func severity(a *Alert) (frame.PillKind, string) {
	if a.Severity == "page" {
		return frame.Bad, "somebody is waiting: now"
	}
	return frame.Plain, "within a day"
}
