package readers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Limits of an answer.
const (
	maxAnswer = 32 << 20
	// silentFor is how long a pod may be silent: longer than any worker is held still or cut off.
	silentFor = 90 * time.Second
)

// answer is what a pod has said to a request.
type answer struct {
	pod, path string
	sent      time.Time
	status    int
	header    http.Header
	body      []byte
	err       error // there is no whole answer
}

// get asks a pod. prefer is the header of that name, if it is not empty.
func get(ctx context.Context, client *http.Client, pod, path, prefer string) (a answer) {
	a = answer{pod: pod, path: path, sent: time.Now()}
	ctx, cancel := context.WithTimeoutCause(ctx, silentFor, errSilent)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, pod+path, http.NoBody)
	if err != nil {
		a.err = fmt.Errorf("making a request: %w", err)
		return a
	}
	if prefer != "" {
		request.Header.Set("Prefer", prefer)
	}
	response, err := client.Do(request)
	if err == nil {
		defer response.Body.Close()
		a.status, a.header = response.StatusCode, response.Header
		a.body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	}
	if err != nil {
		a.err = errors.Join(fmt.Errorf("asking %s: %w", pod, err), context.Cause(ctx))
	}
	return a
}

// errSilent says that a pod has taken a request and said nothing.
var errSilent = fmt.Errorf("no answer within %v", silentFor)

// tryAgain are the problems that a read may be refused with while something is amiss, by status.
var tryAgain = map[int][]string{
	http.StatusServiceUnavailable: {
		"not-ready", "not-yet", "not-here", "no-owner", "too-many-waits", "stopping", "timeout", "busy",
	},
	http.StatusGatewayTimeout: {"timeout"},
}

// undocumented says why an answer is none that the API describes; empty if it is one. code is that of the
// problem, if it is one.
func (a *answer) undocumented() (code, why string) {
	if a.status == http.StatusOK || a.status == http.StatusMultipleChoices {
		return "", ""
	}
	var problem struct {
		Status int
		Code   string
	}
	media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if err := json.Unmarshal(a.body, &problem); err != nil || media != "application/problem+json" {
		return "", fmt.Sprintf("status %d without a problem: %s", a.status, media)
	}
	switch code = problem.Code; {
	case problem.Status != a.status:
		why = fmt.Sprintf("the problem has status %d, the answer %d", problem.Status, a.status)
	case a.status == http.StatusNotFound && code == "not-found":
	case !slices.Contains(tryAgain[a.status], code):
		why = fmt.Sprintf("status %d with the code %q", a.status, code)
	case a.header.Get("Retry-After") == "":
		why = fmt.Sprintf("status %d, %s, without Retry-After", a.status, code)
	}
	return code, why
}

// finding is the answer with what is wrong about it.
func (a *answer) finding(fault Fault, why string) Finding {
	return Finding{
		Fault: fault, Pod: a.pod, Path: a.path, Sent: a.sent, Status: a.status, Why: why,
		Body: string(a.body),
	}
}
