package operations

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// Verifications compares tables and read models with their events, one at a time in this worker.
type Verifications interface {
	// Subjects are what can be verified.
	Subjects() []Subject
	// All returns the verifications of this worker since it started, the newest first; Get one of them.
	All() []Verification
	Get(id string) (Verification, bool)
	// Begin begins one. The error is ErrBusy while another one runs.
	Begin(ctx context.Context, ask VerificationRequest) (id string, err error)
	// Cancel ends one; it has no effect on one that has ended.
	Cancel(id string)
}

// ErrBusy says that a verification is running.
var ErrBusy = errors.New("this worker verifies something already")

// Subject is something that can be verified: the table of an aggregate, or the live build of a read model.
type Subject struct {
	Name      string
	ReadModel bool
}

// VerificationRequest says what is verified, and what that may cost.
type VerificationRequest struct {
	Of        Subject
	Share     float64 // of the rows, above 0 to 1
	PerSecond int     // how many events are read in a second at most; at least 1
	By        string
}

// Verification is one that runs or has run.
type Verification struct {
	VerificationRequest

	ID           string
	Began, Ended time.Time // Ended is zero while it runs
	// Stage says what it does, Done and Total how far that is; a Total of 0 is not known.
	Stage       string
	Done, Total int64
	// Step of Steps: partitions of a table; 0: not known.
	Step, Steps int
	// Events were read, Rows compared.
	Events, Rows int64
	// Differences were found, the first of which are the Findings.
	Differences int64
	Findings    []Finding
	// Notes are what else it has found out, such as stores that were not compared.
	Notes     []string
	Cancelled bool
	Failed    string // why it could not be done
}

// Finding is a difference.
type Finding struct {
	// ID is the aggregate's; empty in a read model's row.
	ID    string
	Place string // the row, or where it stands
	What  string
	Is    []FindingField
}

// FindingField is a field that differs.
type FindingField struct{ Path, Is, Should string }

// The limits of what a page asks for.
const (
	defaultPercent = 1
	defaultPace    = 5_000
	maxPace        = 1_000_000
)

// verification answers GET /console/operations/verification?of=.
func (o *pages) verification(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	return p.Show(w, r, "Verification", verification(p, o.Verifications.Subjects(), o.Verifications.All(),
		r.URL.Query().Get("of")))
}

// verified answers GET /console/operations/verification/{id}.
func (o *pages) verified(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	v, known := o.Verifications.Get(r.PathValue("id"))
	if !known {
		return frame.NotFound("There is no such verification here", "Another worker may have it; a worker "+
			"forgets its own when it stops, and keeps the latest ones only.")
	}
	return p.Show(w, r, "Verification of "+v.Of.Name, verified(p, &v, saidOf(r)))
}

// verify answers POST /console/operations/verification.
func (o *pages) verify(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if err := formOf(r); err != nil {
		return err
	}
	ask := VerificationRequest{By: p.User}
	found := false
	for _, s := range o.Verifications.Subjects() {
		if s.Name == r.PostForm.Get("of") {
			ask.Of, found = s, true
		}
	}
	if !found {
		return frame.Invalid("There is nothing called " + strconv.Quote(r.PostForm.Get("of")) + ".")
	}
	percent, err := strconv.ParseFloat(strings.TrimSpace(r.PostForm.Get("percent")), 64)
	if err != nil || !(percent > 0 && percent <= 100) { // NaN, too
		return frame.Invalid("The share is " + strconv.Quote(r.PostForm.Get("percent")) +
			"; it must be a number above 0, and at most 100 percent.")
	}
	ask.Share = percent / 100
	if ask.PerSecond, err = number("The pace", strings.TrimSpace(r.PostForm.Get("pace")), 1); err != nil {
		return err
	}
	if ask.PerSecond > maxPace {
		return frame.Invalid("The pace must be at most " + words.Count(maxPace) + " events a second.")
	}
	id, err := o.Verifications.Begin(r.Context(), ask)
	if err != nil {
		return refusal("It can't begin now", err)
	}
	return p.Back(w, r, path(verificationTab, id))
}

// cancelVerification answers POST /console/operations/verification/{id}/cancel.
func (o *pages) cancelVerification(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	id := r.PathValue("id")
	o.Verifications.Cancel(id)
	return p.Back(w, r, done(path(verificationTab, id), "verification-cancelled"))
}

// running reports whether it has not ended.
func (v *Verification) running() bool { return v.Ended.IsZero() }

// state is the state of a verification in a word.
func (v *Verification) state() (frame.PillKind, string) {
	switch {
	case v.running():
		return frame.Wait, "running"
	case v.Cancelled:
		return frame.Plain, "cancelled"
	case v.Failed != "":
		return frame.Bad, "could not be done"
	case v.Differences > 0:
		return frame.Bad, words.Plural(v.Differences, "difference", "differences")
	}
	return frame.Good, "all equal"
}

// share is a share as people read it.
func share(of float64) string { return strconv.FormatFloat(100*of, 'f', -1, 64) + "% of the rows" }

// kindOf says what a subject is.
func kindOf(s Subject) string {
	if s.ReadModel {
		return "read model"
	}
	return "table"
}

// pathOf leads to what a finding is about; empty: there is no page of it.
func pathOf(v *Verification, f *Finding) string {
	if v.Of.ReadModel || f.ID == "" {
		return ""
	}
	return frame.Path(v.Of.Name, f.ID)
}
