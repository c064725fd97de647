package console_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"refold/console"
	"refold/console/frame"
)

func TestAnswersComeAsTheyAreWritten(t *testing.T) {
	ended := make(chan struct{})
	transport := console.NewTransport(func() http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintln(w, r.URL.Path)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
	})
	c := &http.Client{Transport: transport}
	response, err := c.Get(console.ServerURL + "/a%2Fb")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil || line != "/a/b\n" || response.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("the answer is %q, %v, %v", line, response.Header, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	<-ended
}

func TestAHandlerThatPanicsBreaksTheAnswerOff(t *testing.T) {
	transport := console.NewTransport(func() http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "half")
			panic(http.ErrAbortHandler)
		})
	})
	response, err := (&http.Client{Transport: transport}).Get(console.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err == nil || string(text) != "half\n" {
		t.Errorf("the answer is %q, %v", text, err)
	}
}

func TestARequestThatIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	transport := console.NewTransport(func() http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			cancel()
			<-release
		})
	})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, console.ServerURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(r)
	if err == nil {
		response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

// The credentials of whoever looks at a page go with what the page asks of the API.
func TestCredentialsArePassedOn(t *testing.T) {
	var got http.Header
	api := &http.Client{Transport: console.NewTransport(func() http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	})}
	site, err := console.New(console.Options{
		Access: frame.Configured{}, Logger: slog.New(slog.DiscardHandler),
		Parts: []frame.Part{func(s *frame.Site) {
			look := func(_ http.ResponseWriter, r *http.Request, _ *frame.Page) error {
				asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, console.ServerURL,
					http.NoBody)
				if err != nil {
					return err
				}
				response, err := api.Do(asked)
				if err != nil {
					return err
				}
				return response.Body.Close()
			}
			s.Handle("GET /console/x", frame.Read, look)
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/console/x", http.NoBody)
	r.Header.Set("Authorization", "Bearer x")
	r.Header.Set("Cookie", "a=b")
	r.Header.Set("X-Other", "y")
	site.ServeHTTP(httptest.NewRecorder(), r)
	if got.Get("Authorization") != "Bearer x" || got.Get("Cookie") != "a=b" || got.Get("X-Other") != "" {
		t.Errorf("the API got %v", got)
	}
}
