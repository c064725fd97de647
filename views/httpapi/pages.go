package httpapi

import "net/http"

// PagesPath is what the paths of pages for people begin with: see Options.Pages.
const PagesPath = "/console"

// servePages answers with a page. All pages are one route of the metrics: their paths are for people, and
// many.
func (s *Server) servePages(w http.ResponseWriter, r *http.Request) {
	if rec, is := w.(*recorder); is {
		rec.route = PagesPath + "/"
		defer func() { rec.stream = rec.Header().Get("Content-Type") == mediaEvents }()
	}
	s.options.Pages.ServeHTTP(w, r)
}
