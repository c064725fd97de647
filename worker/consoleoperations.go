package worker

import (
	"context"
	"sync"
	"time"

	"refold/client"
	"refold/console/frame"
	"refold/console/operations"
	"refold/docker"
	"refold/docs/runbooks"
)

// operationsPart is the part of the console for operators.
func (w *Worker) operationsPart(api *client.Client) (frame.Part, error) {
	alerts, err := shownAlerts()
	if err != nil {
		return nil, err
	}
	groups := &consoleGroups{worker: w, api: api}
	groups.overview = newRemembered(overviewAge, groups.ask)
	transactions := &consoleTransactions{worker: w}
	transactions.open = newRemembered(transactionsAge, transactions.ask)
	schemas := &consoleSchemas{worker: w}
	schemas.subjects = newRemembered(subjectsAge, schemas.ask)
	w.verifying = newVerifications(w)
	return operations.Part(operations.Options{
		API: api, Groups: groups, ReadModels: consoleModels{w}, Verifications: w.verifying,
		Transactions: transactions, Schemas: schemas, Settings: w.shownSettings(), Alerts: alerts,
		Runbook: runbooks.Text,
	}), nil
}

// shownSettings are the options of the configuration; none if nobody knows where they come from.
func (w *Worker) shownSettings() []operations.Setting {
	if w.in.From == nil {
		return nil
	}
	values := w.in.From.Values(w.config)
	all := make([]operations.Setting, len(values))
	for i, v := range values {
		all[i] = operations.Setting{
			Path: v.Path, Value: v.Text, Secret: v.Secret, Given: v.Given, From: v.Source.String(),
			Default: v.Source.IsDefault(), ByText: v.Default, Help: v.Help, Allowed: v.Allowed, Env: v.Env,
		}
	}
	return all
}

func shownAlerts() ([]operations.Alert, error) {
	rules, err := docker.Alerts()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	all := make([]operations.Alert, len(rules))
	for i, r := range rules {
		all[i] = operations.Alert{
			Name: r.Name, Severity: r.Labels["severity"], Expr: r.Expr, For: r.For, Why: r.Why,
			Todo: r.Annotations["todo"], Runbook: r.Annotations["runbook"],
		}
	}
	return all, nil
}

// remembered is an answer that is asked for at most once in a time, however many want it.
type remembered[T any] struct {
	age  time.Duration
	ask  func(context.Context) (T, error)
	turn chan struct{} // held by whoever asks
	mu   sync.Mutex
	at   time.Time
	last answer[T]
}

type answer[T any] struct {
	value T
	err   error
}

// askFor is how long an answer may take that all wait for.
const askFor = 15 * time.Second

func newRemembered[T any](age time.Duration, ask func(context.Context) (T, error)) *remembered[T] {
	return &remembered[T]{age: age, ask: ask, turn: make(chan struct{}, 1)}
}

// get returns the answer. Whoever asks does so for all, and to the end even if ctx ends meanwhile: others may
// wait for it.
func (r *remembered[T]) get(ctx context.Context) (T, error) {
	if known, fresh := r.known(); fresh {
		return known.value, known.err
	}
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx) //nolint:wrapcheck // the caller's own
	}
	if known, fresh := r.known(); fresh {
		return known.value, known.err
	}
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), askFor)
	defer cancel()
	value, err := r.ask(asking)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.last = time.Now(), answer[T]{value, err}
	return value, err
}

// known is the last answer, and whether it is fresh enough.
func (r *remembered[T]) known() (last answer[T], fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last, !r.at.IsZero() && time.Since(r.at) < r.age
}

// forget has the next one ask anew.
func (r *remembered[T]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = time.Time{}
}
