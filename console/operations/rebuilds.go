package operations

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"refold/client/wire"
	"refold/console/frame"
	"refold/console/words"
)

// rebuilds answers GET /console/operations/rebuilds.
func (o *pages) rebuilds(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	all, err := o.API.Rebuilds(r.Context(), "")
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	views, err := o.API.Views(r.Context())
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Show(w, r, "Rebuilds", rebuilds(p, all.Aggregates, views.Views.Views, saidOf(r)))
}

// rebuild answers GET /console/operations/rebuilds/{id}.
func (o *pages) rebuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	one, err := o.API.Rebuild(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Show(w, r, rebuildTitle(one), rebuild(p, one, saidOf(r)))
}

func rebuildTitle(r *wire.Rebuild) string {
	if r.DryRun {
		return "Dry run of " + r.Aggregate
	}
	return "Rebuild of " + r.Aggregate
}

// beginRebuild answers POST /console/operations/rebuilds: a dry run, unless the form says that rows are to be
// written.
func (o *pages) beginRebuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if err := formOf(r); err != nil {
		return err
	}
	dry := r.PostForm.Get("write") != "true"
	one, err := o.API.AskRebuild(r.Context(), r.PostForm.Get("aggregate"), dry, p.User)
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Back(w, r, path(rebuildsTab, one.ID))
}

// askRebuild answers GET /console/operations/rebuilds/ask?aggregate=.
func (o *pages) askRebuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	aggregate := r.URL.Query().Get("aggregate")
	all, err := o.API.Rebuilds(r.Context(), aggregate)
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	if len(all.Aggregates) != 1 {
		return frame.NotFound("There is no such table", "The address names no aggregate.")
	}
	aggregate = all.Aggregates[0].Aggregate
	return confirm(w, r, p, confirming{
		title: "Rebuild the table of " + aggregate + "?", back: path(rebuildsTab),
		text: []string{
			"The workers fold all events again, in the background, and write the rows that differ. " +
				"Rows that are right are not touched. Commands go on; they wait for some milliseconds " +
				"while rows are put right.",
			"A row that is written can't be had back. A dry run shows before what would change.",
		},
		act: frame.Act{
			Path: path(rebuildsTab), Label: "Rebuild " + aggregate,
			Fields:  []frame.Field{{Name: "aggregate", Value: aggregate}, {Name: "write", Value: "true"}},
			Confirm: "Write the rows of " + aggregate + " that differ from their events",
		},
	})
}

// askCancelRebuild answers GET /console/operations/rebuilds/{id}/cancel.
func (o *pages) askCancelRebuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	one, err := o.API.Rebuild(r.Context(), r.PathValue("id"))
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return confirm(w, r, p, confirming{
		title: "Cancel the rebuild of " + one.Aggregate + "?", back: path(rebuildsTab, one.ID),
		text: []string{"Partitions that are done stay as they are; the others are left as they were. " +
			"It can't go on later: ask for another one then."},
		act: frame.Act{
			Path: path(rebuildsTab, one.ID, "cancel"), Label: "Cancel it",
			Confirm: "Stop before all partitions are done",
		},
	})
}

// cancelRebuild answers POST /console/operations/rebuilds/{id}/cancel.
func (o *pages) cancelRebuild(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	one, err := o.API.CancelRebuild(r.Context(), r.PathValue("id"), p.User)
	if err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Back(w, r, done(path(rebuildsTab, one.ID), "rebuild-cancelled"))
}

// rebuildView answers POST /console/operations/views/{name}/rebuild.
func (o *pages) rebuildView(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if _, err := o.API.RebuildView(r.Context(), r.PathValue("name"), p.User); err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Back(w, r, done(path(rebuildsTab), "view-rebuild"))
}

// cancelView answers POST /console/operations/views/{name}/cancel.
func (o *pages) cancelView(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	if _, err := o.API.CancelViewRebuild(r.Context(), r.PathValue("name")); err != nil {
		return err //nolint:wrapcheck // it becomes a page
	}
	return p.Back(w, r, done(path(rebuildsTab), "view-cancelled"))
}

// The stages of rebuilds that are final, and the one of those who wait.
const (
	stageWaiting   = "waiting"
	stageDone      = "done"
	stageFailed    = "failed"
	stageCancelled = "cancelled"
)

func final(stage string) bool {
	return stage == stageDone || stage == stageFailed || stage == stageCancelled
}

func stageKind(stage string) frame.PillKind {
	switch stage {
	case stageDone:
		return frame.Good
	case stageFailed:
		return frame.Bad
	case stageCancelled:
		return frame.Plain
	}
	return frame.Wait
}

// open returns the rebuild of a table that has not ended; nil: there is none.
func open(t *wire.RebuildTable) *wire.Rebuild {
	i := slices.IndexFunc(t.Rebuilds, func(r wire.Rebuild) bool { return !final(r.Stage) })
	if i < 0 {
		return nil
	}
	return &t.Rebuilds[i]
}

// versions says which folds the rows of a table are made by.
func versions(t *wire.RebuildTable) string {
	old := 0
	for _, v := range t.Partitions {
		if v.FoldVersion < v.WorkersFoldVersion {
			old++
		}
	}
	switch {
	case len(t.Partitions) == 0:
		return "no worker has taken over a partition yet"
	case old == 0:
		return "rows are of fold version " + strconv.Itoa(t.Partitions[0].FoldVersion)
	}
	return words.Plural(int64(old), "partition has", "partitions have") + " rows of an older fold version"
}

// outcome says what a rebuild has found.
func outcome(r *wire.Rebuild) string {
	t := r.Totals
	switch different := t.Changed + t.Added + t.Removed; {
	case !final(r.Stage) && t.Differing > 0:
		return words.Plural(t.Differing, "row differs so far", "rows differ so far")
	case !final(r.Stage):
		return ""
	case different == 0:
		return "all equal: " + words.Plural(t.Equal, "row", "rows")
	default:
		return words.Count(t.Changed) + " changed, " + words.Count(t.Added) + " added, " +
			words.Count(t.Removed) + " removed; " + words.Plural(t.Equal, "row is", "rows are") + " equal"
	}
}

// sample is a row that differs.
type sample struct {
	Key     string        `json:"key"`
	Verdict string        `json:"verdict"`
	Fields  []sampleField `json:"fields"`
}

type sampleField struct {
	Path string          `json:"path"`
	Row  json.RawMessage `json:"row"`
	Fold json.RawMessage `json:"fold"`
}

// maxSamples limits the rows that a page shows.
const maxSamples = 50

// samples are rows that differ, of all partitions.
func samples(r *wire.Rebuild) (all []sample) {
	for i := range r.Partitions {
		var some []sample
		if json.Unmarshal(r.Partitions[i].Samples, &some) == nil {
			all = append(all, some...)
		}
	}
	return all[:min(len(all), maxSamples)]
}

// maxValueRunes is how much of a value a table of differences shows.
const maxValueRunes = 300

func valueText(value json.RawMessage) string {
	if len(value) == 0 {
		return "nothing"
	}
	runes := []rune(string(value[:min(len(value), 4*maxValueRunes)]))
	if len(runes) > maxValueRunes {
		return string(runes[:maxValueRunes]) + "…"
	}
	return string(runes)
}

// viewDone is how far the rebuild of a view is: partitions that are done, and the share of the present one.
func viewDone(v *wire.ViewRebuild) (done, of int64) {
	const whole = 100
	done, of = int64(v.Done)*whole, int64(len(v.Partitions))*whole
	if v.End > 0 && v.Partition >= 0 {
		done += whole * min(v.Next, v.End) / v.End
	}
	return done, of
}

// viewLag is how far a view is behind; -1: it is not known of some partition.
func viewLag(v *wire.View) (lag int64) {
	for i := range v.Partitions {
		if v.Partitions[i].Lag < 0 {
			return -1
		}
		lag += v.Partitions[i].Lag
	}
	return lag
}
