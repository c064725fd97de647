package operations

import (
	"net/http"
	"strings"

	"refold/console/frame"
)

// Setting is an option of the configuration with its value.
type Setting struct {
	Path  string // such as http.address
	Value string // never a secret's
	// Secret says that the value is not shown; Given that there is one.
	Secret, Given bool
	// From is where the value comes from, such as "file refold.yaml"; Default reports that nobody has given
	// one.
	From    string
	Default bool
	ByText  string // the default
	Help    string
	Allowed string // beyond the type; empty: all
	Env     string // the environment variable
}

// settingsSection are settings with the same first part of their paths.
type settingsSection struct {
	name     string
	settings []Setting
}

// configuration answers GET /console/operations/configuration?q=&given=.
func (o *pages) configuration(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	query := r.URL.Query()
	q, given := query.Get("q"), query.Get("given") == "true"
	var sections []settingsSection
	for _, s := range o.Settings {
		if given && s.Default || !contains(s.Path, q) && !contains(s.Help, q) &&
			(s.Secret || !contains(s.Value, q)) {
			continue
		}
		name, _, _ := strings.Cut(s.Path, ".")
		if len(sections) == 0 || sections[len(sections)-1].name != name {
			sections = append(sections, settingsSection{name: name})
		}
		last := &sections[len(sections)-1]
		last.settings = append(last.settings, s)
	}
	return p.Show(w, r, "Configuration", configuration(p, sections, q, given))
}
