package frame_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"refold/console/consoletest"
	"refold/console/frame"
)

func TestAStreamSendsPartsOfAPage(t *testing.T) {
	c := consoletest.Serve(t, func(s *frame.Site) {
		s.Stream("GET /console/live", frame.Read,
			func(_ context.Context, s *frame.Stream, _ *http.Request, _ *frame.Page) error {
				if err := s.Send(heading("one\ntwo")); err != nil {
					return err
				}
				if err := s.SendAt("p7", heading("three")); err != nil {
					return err
				}
				return errors.New("no more")
			})
	})
	server := httptest.NewServer(c)
	defer server.Close()
	response, err := http.Get(server.URL + "/console/live")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("the type is %q", got)
	}
	var lines []string
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	want := ": begun||data: <h1>one|data: two</h1>||id: p7|data: <h1>three</h1>||" +
		"event: failed|data: Something is wrong in the console|"
	if got := strings.Join(lines, "|"); got != want {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

func TestStopEndsStreams(t *testing.T) {
	var site *frame.Site
	c := consoletest.Serve(t, func(s *frame.Site) {
		site = s
		s.Stream("GET /console/live", frame.Read,
			func(ctx context.Context, _ *frame.Stream, _ *http.Request, _ *frame.Page) error {
				site.Stop()
				<-ctx.Done()
				return nil
			})
	})
	c.Get(t, "/console/live").Want(http.StatusOK)
}
