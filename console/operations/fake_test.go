package operations_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/console/consoletest"
	"refold/console/frame"
	"refold/console/operations"
)

// fake is all that the part needs. What it was asked to do is in did.
type fake struct {
	overview      operations.Overview
	rebuilds      []wire.Rebuild
	views         []wire.View
	models        []operations.ReadModel
	verifications []operations.Verification
	open          []operations.Transaction
	subjects      []operations.SchemaSubject
	settings      []operations.Setting
	refuse        error // of what is done
	away          error // of what is read
	did           []any
}

// These are the orders that the fake was given.
type (
	askedRebuild struct {
		aggregate, by string
		dry           bool
	}
	cancelled    struct{ id string }
	changedBuild struct {
		what, name string
		number     int
	}
	changedView struct{ what, name string }
	abortedAt   struct {
		topic     string
		partition int32
		offset    int64
	}
)

func (f *fake) do(what any) error {
	if f.refuse == nil {
		f.did = append(f.did, what)
	}
	return f.refuse
}

func (f *fake) Overview(context.Context) (*operations.Overview, error) { return &f.overview, f.away }

func (f *fake) Views(context.Context) (*client.Views, error) {
	return &client.Views{Views: wire.Views{Views: f.views}}, f.away
}

func (f *fake) RebuildView(_ context.Context, name, _ string, _ ...int32) (*wire.View, error) {
	return &wire.View{Name: name}, f.do(changedView{"rebuild", name})
}

func (f *fake) CancelViewRebuild(_ context.Context, name string) (*wire.View, error) {
	return &wire.View{Name: name}, f.do(changedView{"cancel", name})
}

func (f *fake) Rebuilds(context.Context, string) (*wire.Rebuilds, error) {
	return &wire.Rebuilds{Aggregates: []wire.RebuildTable{{
		Aggregate: "accounts", Due: true, Rebuilds: f.rebuilds,
		Partitions: []wire.PartitionVersions{{Partition: 0, FoldVersion: 1, WorkersFoldVersion: 2}},
	}}}, f.away
}

func (f *fake) Rebuild(_ context.Context, id string) (*wire.Rebuild, error) {
	for i := range f.rebuilds {
		if f.rebuilds[i].ID == id {
			return &f.rebuilds[i], nil
		}
	}
	return nil, &client.Problem{Problem: wire.Problem{Status: http.StatusNotFound, Code: wire.CodeNotFound}}
}

func (f *fake) AskRebuild(_ context.Context, aggregate string, dry bool, by string) (*wire.Rebuild, error) {
	return &wire.Rebuild{ID: "new"}, f.do(askedRebuild{aggregate, by, dry})
}

func (f *fake) CancelRebuild(_ context.Context, id, _ string) (*wire.Rebuild, error) {
	return &wire.Rebuild{ID: id}, f.do(cancelled{id})
}

func (f *fake) ReadModels(context.Context) ([]operations.ReadModel, error) { return f.models, f.away }

// models are the fake as operations.ReadModels: it has a method Rebuild of its own.
type models struct{ *fake }

func (m models) Rebuild(_ context.Context, name string) (int, error) {
	return 2, m.do(changedBuild{"rebuild", name, 0})
}

func (m models) TakeOver(_ context.Context, name string, number int) error {
	return m.do(changedBuild{"take-over", name, number})
}

func (m models) Drop(_ context.Context, name string, number int) error {
	return m.do(changedBuild{"drop", name, number})
}

func (f *fake) Abort(_ context.Context, topic string, partition int32, offset int64) error {
	return f.do(abortedAt{topic, partition, offset})
}

func (f *fake) Open(context.Context) ([]operations.Transaction, time.Time, error) {
	return f.open, consoletest.Now, f.away
}

func (f *fake) All() []operations.Verification { return f.verifications }

func (f *fake) Get(id string) (operations.Verification, bool) {
	for _, v := range f.verifications {
		if v.ID == id {
			return v, true
		}
	}
	return operations.Verification{}, false
}

func (f *fake) Begin(_ context.Context, ask operations.VerificationRequest) (string, error) {
	return "new", f.do(ask)
}

func (f *fake) Cancel(id string) { f.did = append(f.did, cancelled{id}) }

// verifications are the fake as operations.Verifications.
type verifications struct{ *fake }

func (verifications) Subjects() []operations.Subject {
	return []operations.Subject{{Name: "accounts"}, {Name: "accounts_current", ReadModel: true}}
}

// schemas are the fake as operations.Schemas.
type schemas struct{ *fake }

func (s schemas) Subjects(context.Context) ([]operations.SchemaSubject, error) {
	return s.subjects, s.away
}

func (s schemas) Difference(
	_ context.Context, _ string, from, to int,
) (*operations.SchemaDifference, error) {
	if from > 2 || to > 2 {
		return nil, operations.ErrNoSubject
	}
	return &operations.SchemaDifference{
		From: from, To: to, Level: "FULL", FromText: "{}", ToText: consoletest.Markup,
		Changes: []operations.SchemaChange{{
			Path: "Opened.owner", What: "field-added", Is: consoletest.Markup, Backward: true,
		}},
		Breaks: []operations.SchemaBreak{{
			Path: "Opened.owner", Direction: "forward", Reason: "no default",
			Remedy: "give it one",
		}},
	}, nil
}

func serve(t *testing.T, f *fake, allow ...frame.Right) *consoletest.Console {
	t.Helper()
	c := consoletest.Serve(t, operations.Part(operations.Options{
		API: f, Groups: f, ReadModels: models{f}, Verifications: verifications{f}, Transactions: f,
		Schemas: schemas{f}, Settings: f.settings,
		Alerts: []operations.Alert{{
			Name: "RefoldPartitionStalled", Severity: "page", Expr: `max(x{a="b"}) > 60`, For: "1m",
			Why: "Nothing commits.", Todo: "Look.", Runbook: "docs/runbooks/stalled.md",
		}},
		Runbook: func(name string) (string, bool) {
			return "# Stalled\n\nRead " + consoletest.Markup, name == "stalled"
		},
	}))
	c.Allow = allow
	return c
}

// full has something of everything, with markup wherever others may write.
func full() *fake {
	m, now := consoletest.Markup, consoletest.Now
	samples, _ := json.Marshal([]map[string]any{{
		"key": m, "verdict": "changed", "fields": []map[string]any{{"path": m, "row": m, "fold": 2}},
	}})
	return &fake{
		overview: operations.Overview{
			At: now, Workers: []operations.Worker{
				{Name: m, Address: m, Here: true, Ready: true},
				{Name: "b", Missing: []operations.Missing{{Check: m, Detail: m}}},
				{Name: "c", Wrong: m},
			},
			Groups: []operations.Group{{
				Kind: "process", Name: m, Wrong: m, Partitions: []operations.Partition{
					{Topic: m, Owner: m, Standbys: []string{m}, Held: []string{m}, Lag: -1},
				},
			}},
		},
		rebuilds: []wire.Rebuild{
			{
				ID: "r1", Aggregate: "accounts", Stage: "folding", By: m, Time: now,
				Totals: wire.RebuildTotals{EventsRead: 50, EventsTotal: 200, SecondsLeft: 75},
			},
			{
				ID: "r2", Aggregate: "accounts", Stage: "done", DryRun: true, By: m, Time: now,
				Totals: wire.RebuildTotals{Changed: 1}, Partitions: []wire.RebuildPartition{
					{Stage: "failed", Reason: m, Worker: m, Samples: samples},
				},
			},
		},
		views: []wire.View{{Name: "account-table", Topic: m, Missing: m, Rebuild: &wire.ViewRebuild{
			Stage: "running", By: m, Partitions: []int32{0, 1}, Done: 1, Partition: 1, Next: 5, End: 10,
		}}},
		models: []operations.ReadModel{
			{
				Name: "accounts_current", Version: 1, Store: "postgres", Held: []string{m}, Wrong: m,
				Builds: []operations.Build{
					{
						Number: 1, Version: 1, Folds: m, Status: "live", Began: now.Add(-time.Hour),
						Known: true, Partitions: 4, Of: 4, Done: 100, Total: 100, Latest: now,
					},
					{
						Number: 2, Version: 1, Status: "filling", Began: now.Add(-time.Minute), Known: true,
						Partitions: 4, Of: 4, Done: 25, Total: 100,
					},
				},
			},
			{Name: "other", Version: 1},
		},
		verifications: []operations.Verification{
			{ID: "v2", VerificationRequest: operations.VerificationRequest{
				Of: operations.Subject{Name: "accounts"}, Share: .01, PerSecond: 5000, By: m,
			}, Began: now, Stage: m, Done: 1, Total: 4, Step: 1, Steps: 4},
			{
				ID: "v1", VerificationRequest: operations.VerificationRequest{
					Of: operations.Subject{Name: "accounts"}, Share: 1, PerSecond: 1, By: m,
				}, Began: now, Ended: now.Add(time.Second), Differences: 300, Notes: []string{m},
				Findings: []operations.Finding{
					{ID: m, Place: m, What: m, Is: []operations.FindingField{{Path: m, Is: m, Should: m}}},
					{ID: "bob", What: "missing"},
				},
			},
		},
		open: []operations.Transaction{
			{Topic: m, Partition: 3, Offset: 7, Since: now.Add(-time.Hour), ProducerID: 5},
			{Topic: "t", Since: now, ID: m, Timeout: time.Minute},
		},
		subjects: []operations.SchemaSubject{
			{Name: m, Aggregate: m, Kind: "event", Written: "former", Level: m, Wrong: m},
			{
				Name: "bank.Opened", Kind: "event", InProgram: true, Written: "latest", Level: "FULL",
				Versions: []operations.SchemaVersion{{Number: 1, ID: 11}, {Number: 2, ID: 12, Wrong: m}},
			},
		},
		settings: []operations.Setting{
			{Path: "http.address", Value: m, From: m, Help: m, Env: "REFOLD_HTTP_ADDRESS"},
			{Path: "http.idle", Value: "1m", From: "default", Default: true},
			{Path: "kafka.password", Secret: true, Given: true, From: "environment X"},
		},
	}
}

var errStore = errors.New("the store does not answer")
