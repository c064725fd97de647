package endpoint

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// An ID may be "/". net/http's ServeMux takes a segment that is nothing but an escaped slash for a
// slash at the end of the path, and no wildcard matches it. So on its way through the mux a segment of
// slashes only has one more.

// slashes is a ServeMux whose wildcards match such a segment, if the request comes by WithSlashes.
type slashes struct {
	*http.ServeMux

	patterns []string // of all routes
}

var wildcards = regexp.MustCompile(`\{(\w+)\}`)

// HandleFunc registers a handler, to which wildcards are what the client has sent.
func (s *slashes) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	names := wildcards.FindAllStringSubmatch(pattern, -1)
	s.ServeMux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range names {
			if value := r.PathValue(name[1]); value != "" && strings.Trim(value, "/") == "" {
				r.SetPathValue(name[1], value[1:])
			}
		}
		handler(w, r)
	})
	s.patterns = append(s.patterns, pattern)
}

// WithSlashes returns the request as the routes of a Set expect it.
func WithSlashes(r *http.Request) *http.Request {
	escaped := r.URL.EscapedPath()
	if !strings.Contains(escaped, "%2") {
		return r
	}
	segments := strings.Split(escaped, "/")
	changed := false
	for i, segment := range segments {
		if text, err := url.PathUnescape(segment); err == nil && text != "" && strings.Trim(text, "/") == "" {
			segments[i], changed = segment+"%2F", true
		}
	}
	if !changed {
		return r
	}
	altered := *r.URL
	altered.RawPath = strings.Join(segments, "/")
	altered.Path, _ = url.PathUnescape(altered.RawPath) // each segment could be
	r = r.WithContext(r.Context())
	r.URL = &altered
	return r
}
