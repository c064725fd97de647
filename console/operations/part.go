package operations

import (
	"context"
	"net/http"

	"refold/client"
	"refold/client/wire"
	"refold/console/frame"
)

// API is the HTTP API, as far as this part needs it. A *client.Client is one.
type API interface {
	Views(ctx context.Context) (*client.Views, error)
	RebuildView(ctx context.Context, name, by string, partitions ...int32) (*wire.View, error)
	CancelViewRebuild(ctx context.Context, name string) (*wire.View, error)
	Rebuilds(ctx context.Context, aggregate string) (*wire.Rebuilds, error)
	Rebuild(ctx context.Context, id string) (*wire.Rebuild, error)
	AskRebuild(ctx context.Context, aggregate string, dryRun bool, by string) (*wire.Rebuild, error)
	CancelRebuild(ctx context.Context, id, by string) (*wire.Rebuild, error)
}

// Options are what this part is made of. All fields are required.
type Options struct {
	API           API
	Groups        Groups
	ReadModels    ReadModels
	Verifications Verifications
	Transactions  Transactions
	Schemas       Schemas
	Settings      []Setting
	Alerts        []Alert
	// Runbook returns the text of a page, by its name without a folder, and whether there is one.
	Runbook func(name string) (string, bool)
}

// pages are the pages of this part.
type pages struct{ Options }

// The sub-tabs, by the last segment of their paths.
const (
	partitionsTab    = "partitions"
	rebuildsTab      = "rebuilds"
	readModelsTab    = "read-models"
	verificationTab  = "verification"
	transactionsTab  = "transactions"
	schemasTab       = "schemas"
	configurationTab = "configuration"
	alertsTab        = "alerts"
)

// path is a path of this part.
func path(segments ...string) string {
	return frame.Path(append([]string{"operations"}, segments...)...)
}

// Part returns the pages for operators.
func Part(o Options) frame.Part {
	return func(site *frame.Site) {
		p := &pages{o}
		site.Tab(frame.Tab{Name: "Operations", Path: path(), Order: frame.OrderOperations})
		for _, of := range []struct {
			pattern string
			handler frame.Handler
		}{
			{"", p.home},
			{"/partitions", p.partitions},
			{"/rebuilds", p.rebuilds},
			{"/rebuilds/{id}", p.rebuild},
			{"/rebuilds/{id}/cancel", p.askCancelRebuild},
			{"/rebuilds/ask", p.askRebuild},
			{"/read-models", p.readModels},
			{"/read-models/{name}/builds/{build}/{what}", p.askBuild},
			{"/verification", p.verification},
			{"/verification/{id}", p.verified},
			{"/transactions", p.transactions},
			{"/transactions/abort", p.askAbort},
			{"/schemas", p.schemas},
			{"/schemas/{subject}", p.subject},
			{"/configuration", p.configuration},
			{"/alerts", p.alerts},
			{"/alerts/runbooks/{name}", p.runbook},
		} {
			site.Handle("GET "+path()+of.pattern, frame.Read, of.handler)
		}
		for _, of := range []struct {
			pattern string
			handler frame.Handler
		}{
			{"/rebuilds", p.beginRebuild},
			{"/rebuilds/{id}/cancel", p.cancelRebuild},
			{"/views/{name}/rebuild", p.rebuildView},
			{"/views/{name}/cancel", p.cancelView},
			{"/read-models/{name}/rebuild", p.rebuildModel},
			{"/read-models/{name}/builds/{build}/{what}", p.changeBuild},
			{"/verification", p.verify},
			{"/verification/{id}/cancel", p.cancelVerification},
			{"/transactions/abort", p.abort},
		} {
			site.Handle("POST "+path()+of.pattern, frame.Operate, of.handler)
		}
	}
}

// home answers GET /console/operations.
func (o *pages) home(w http.ResponseWriter, r *http.Request, p *frame.Page) error {
	return p.Back(w, r, path(partitionsTab))
}

// tabs are the sub-tabs.
func tabs(active string) []frame.Link {
	all := []struct{ name, text string }{
		{partitionsTab, "Partitions"},
		{rebuildsTab, "Rebuilds"},
		{readModelsTab, "Read models"},
		{verificationTab, "Verification"},
		{transactionsTab, "Transactions"},
		{schemasTab, "Schemas"},
		{configurationTab, "Configuration"},
		{alertsTab, "Alerts"},
	}
	links := make([]frame.Link, len(all))
	for i, t := range all {
		links[i] = frame.Link{Text: t.text, Path: path(t.name), Active: t.name == active}
	}
	return links
}

// said is what an action has done, for the page that it leads back to. Only these sentences are shown: a link
// of others can't put words into the page.
var said = map[string]string{
	"rebuild-cancelled":      "The rebuild is cancelled. Partitions that were done stay so.",
	"view-rebuild":           "The view is being rebuilt.",
	"view-cancelled":         "The rebuild of the view is cancelled.",
	"model-rebuild":          "A new build begins. It takes over when it is level.",
	"take-over":              "The build is live. The one before is kept.",
	"drop":                   "The build is gone, with all its rows.",
	"verification-cancelled": "The verification is being cancelled.",
	"aborted":                "The transaction is aborted. None of its records will be read.",
}

// done is a path with what an action has done.
func done(to, what string) string { return frame.With(to, "done", what) }

// saidOf returns what the action before has done; empty: there was none.
func saidOf(r *http.Request) string { return said[r.URL.Query().Get("done")] }
