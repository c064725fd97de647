package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"refold/views/httpapi"
)

// Pages have all paths below theirs, whatever they are, and are one route of the metrics.
func TestPages(t *testing.T) {
	b := newBench(t, func(o *httpapi.Options) {
		o.Pages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/broken") {
				panic("a mistake of the page's")
			}
			fmt.Fprintf(w, "%s %s", r.Method, r.URL.EscapedPath())
		})
	})
	for _, path := range []string{"/console", "/console/", "/console/accounts/a%2Fb/send"} {
		for _, method := range []string{"GET", "POST"} {
			a := b.ask(t, method, path, "")
			a.want(t, http.StatusOK)
			if want := method + " " + path; a.Text != want {
				t.Errorf("%s: %q", want, a.Text)
			}
		}
	}
	b.ask(t, "GET", "/consoles", "").want(t, http.StatusNotFound)
	b.ask(t, "GET", "/console/broken", "").want(t, http.StatusInternalServerError)
	b.ask(t, "POST", "/console/x", strings.Repeat("x", 1<<20)).want(t, http.StatusRequestEntityTooLarge)
	n := testutil.CollectAndCount(b.registry, "refold_http_request_seconds")
	b.ask(t, "GET", "/console/another", "").want(t, http.StatusOK)
	if after := testutil.CollectAndCount(b.registry, "refold_http_request_seconds"); after != n {
		t.Errorf("another page made %d time series of %d", after, n)
	}
}

func TestWithoutPages(t *testing.T) {
	newBench(t, nil).ask(t, "GET", "/console/", "").want(t, http.StatusNotFound)
}
