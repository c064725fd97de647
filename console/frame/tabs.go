package frame

import "slices"

// Where the search is, if a part brings it.
const (
	searchPath    = Root + "/search"
	searchPattern = "GET " + searchPath
)

// tab is the index of the page's tab; -1: none.
func (p *Page) tab() int { return p.site.active(p.Path) }

// offered are the time zones to choose from: the present one is always there.
func (p *Page) offered() []string {
	if name := p.Zone.String(); !slices.Contains(zones, name) {
		return append([]string{name}, zones...)
	}
	return zones
}
