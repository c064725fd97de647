package operations

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"refold/console/frame"
	"refold/console/words"
)

// ReadModels knows the projections and their builds, and changes them.
type ReadModels interface {
	// ReadModels returns all projections, those without a store included.
	ReadModels(ctx context.Context) ([]ReadModel, error)
	// Rebuild begins a build. Errors may be ErrNoBuild, or say why it can't be done now.
	Rebuild(ctx context.Context, name string) (number int, err error)
	TakeOver(ctx context.Context, name string, number int) error
	Drop(ctx context.Context, name string, number int) error
}

// ErrNoBuild says that there is no such read model or build.
var ErrNoBuild = errors.New("there is no such build")

// ReadModel is a projection, and its builds.
type ReadModel struct {
	Name    string
	Version int // the program's
	// Store is the name of its store; empty: it has none.
	Store  string
	Builds []Build
	// Wrong is why something is not known; empty: all is.
	Wrong string
	// Held is what keeps this worker from filling it, a text each.
	Held []string
}

// The statuses of builds.
const (
	Filling = "filling"
	Live    = "live"
	Kept    = "kept"
)

// Build is one filling of a read model.
type Build struct {
	Number, Version int
	Folds, Status   string
	Began           time.Time
	// Known reports whether the program has its version: only then the rest is known.
	Known bool
	// Partitions of all Of have been begun.
	Partitions, Of int
	// Done and Total are offsets of the partitions that have been begun, together.
	Done, Total int64
	// Latest is when the latest event was written that it has taken.
	Latest time.Time
	Wrong  string
}

// Behind is how many offsets the build lacks.
func (b *Build) Behind() int64 { return max(0, b.Total-b.Done) }

// kind is how the status of a build is shown.
func (b *Build) kind() frame.PillKind {
	switch b.Status {
	case Live:
		return frame.Good
	case Filling:
		return frame.Wait
	}
	return frame.Plain
}

// estimate says how long a filling build takes to be level, if that can be said.
func (b *Build) estimate(now time.Time) string {
	if b.Status != Filling || b.Partitions < b.Of {
		return ""
	}
	d := left(b.Done, b.Total, b.Began, now)
	if d == 0 {
		return ""
	}
	return about(d) + " left, as it goes since it began"
}

// readModels answers GET /console/operations/read-models.
func (o *pages) readModels(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	all, err := o.ReadModels.ReadModels(r.Context())
	if err != nil {
		return away("The read models", err)
	}
	return p.Show(w, r, "Read models", readModels(p, all, saidOf(r)))
}

// rebuildModel answers POST /console/operations/read-models/{name}/rebuild.
func (o *pages) rebuildModel(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if _, err := o.ReadModels.Rebuild(r.Context(), r.PathValue("name")); err != nil {
		return buildProblem(err)
	}
	return p.Back(w, r, done(path(readModelsTab), "model-rebuild"))
}

// The actions on a build, as the last segment of a path.
const (
	takeOver = "take-over"
	drop     = "drop"
)

// askBuild answers GET /console/operations/read-models/{name}/builds/{build}/{what}.
func (o *pages) askBuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	name, what := r.PathValue("name"), r.PathValue("what")
	n, err := number("The build", r.PathValue("build"), 1)
	if err != nil {
		return err
	}
	if err := o.hasBuild(r.Context(), name, n); err != nil {
		return err
	}
	build := "build " + strconv.Itoa(n) + " of " + name
	c := confirming{back: path(readModelsTab), act: frame.Act{Path: r.URL.EscapedPath()}}
	switch what {
	case takeOver:
		c.title = "Make " + build + " live?"
		c.text = []string{
			"Readers see this build from then on. The build that is live now stands still for up to ten " +
				"seconds, so that nobody sees less than before. It is kept: you can go back in the " +
				"same way.",
		}
		c.act.Label, c.act.Confirm = "Take over", "Let readers see build "+strconv.Itoa(n)
	case drop:
		c.title = "Drop " + build + "?"
		c.text = []string{"The build is removed with all its rows. Filling it again reads all events."}
		c.act.Label, c.act.Confirm = "Drop it", "Remove build "+strconv.Itoa(n)+" for good"
	default:
		return frame.NotFound("There is no such page", "Builds can take over, or be dropped.")
	}
	return confirm(w, r, p, c)
}

// hasBuild returns a problem unless there is a build.
func (o *pages) hasBuild(ctx context.Context, name string, number int) error {
	all, err := o.ReadModels.ReadModels(ctx)
	if err != nil {
		return away("The read models", err)
	}
	for _, m := range all {
		for i := range m.Builds {
			if m.Name == name && m.Builds[i].Number == number {
				return nil
			}
		}
	}
	return buildProblem(ErrNoBuild)
}

// changeBuild answers POST /console/operations/read-models/{name}/builds/{build}/{what}.
func (o *pages) changeBuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	n, err := number("The build", r.PathValue("build"), 1)
	if err != nil {
		return err
	}
	name, what := r.PathValue("name"), r.PathValue("what")
	switch what {
	case takeOver:
		err = o.ReadModels.TakeOver(r.Context(), name, n)
	case drop:
		err = o.ReadModels.Drop(r.Context(), name, n)
	default:
		return frame.NotFound("There is no such page", "Builds can take over, or be dropped.")
	}
	if err != nil {
		return buildProblem(err)
	}
	return p.Back(w, r, done(path(readModelsTab), what))
}

func buildProblem(err error) error {
	if errors.Is(err, ErrNoBuild) {
		return frame.NotFound("There is no such build", "It may have been dropped meanwhile.")
	}
	return refusal("It can't be done now", err)
}

// begun says how many partitions a build has begun.
func begun(b *Build) string {
	return strconv.Itoa(b.Partitions) + " of " + words.Plural(int64(b.Of), "partition", "partitions") +
		" begun"
}

// filling reports whether a build of a read model is being filled.
func filling(m *ReadModel) bool {
	for i := range m.Builds {
		if m.Builds[i].Status == Filling {
			return true
		}
	}
	return false
}
