package worker

import (
	"context"
	"net/http"

	"refold/audittrail"
	"refold/console/frame"
	"refold/console/trail"
)

// auditTrail is the audit trail for the console and for the API's endpoints for operators.
type auditTrail struct{ *audittrail.Trail }

// openTrail makes what writes the audit trail.
func (w *Worker) openTrail() (*auditTrail, error) {
	options, err := w.kafka.Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the setting
	}
	return &auditTrail{audittrail.New(audittrail.Options{
		Kafka: options, Topic: audittrail.TopicName(w.in.Prefix()), At: w.in.WorkerName(),
	})}, nil
}

func (a *auditTrail) close() {
	if a != nil {
		a.Close()
	}
}

// Begin implements frame.Trail.
func (a *auditTrail) Begin(ctx context.Context, d frame.Deed) (
	end func(context.Context, frame.Deed, int, string) error, err error,
) {
	entry, err := a.Trail.Begin(ctx, audittrail.Record{
		Who: d.User, From: audittrail.Console, What: d.What, On: d.On, Path: d.Path, Parameters: d.Parameters,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is wrong
	}
	return func(ctx context.Context, d frame.Deed, status int, words string) error {
		entry.On(d.On, d.Path)
		return entry.End(ctx, stageOf(status), words) //nolint:wrapcheck // it says what is wrong
	}, nil
}

// stageOf says how something ended by the status of the answer.
func stageOf(status int) audittrail.Stage {
	switch {
	case status >= http.StatusInternalServerError:
		return audittrail.Failed
	case status >= http.StatusBadRequest:
		return audittrail.Refused
	}
	return audittrail.Done
}

// Do implements admin.Trail. What a page of the console asks for has its record already.
func (a *auditTrail) Do(
	ctx context.Context, by, what, on string, parameters map[string]string, do func() error,
) error {
	if frame.Recorded(ctx) {
		return do()
	}
	return a.Trail.Do(ctx, audittrail.Record{ //nolint:wrapcheck // it says what is wrong
		Who: by, From: audittrail.HTTP, What: what, On: on, Parameters: parameters,
	}, do)
}

// Read implements trail.Records.
func (a *auditTrail) Read(ctx context.Context, q trail.Query) (trail.Page, error) {
	page, err := a.Trail.Read(ctx, audittrail.Query(q))
	if err != nil {
		return trail.Page{}, err //nolint:wrapcheck // it says what is wrong
	}
	out := trail.Page{Next: page.Next, Records: make([]trail.Record, len(page.Records))}
	for i, r := range page.Records {
		out.Records[i] = trail.Record{
			Sequence: r.Sequence, Time: r.Time, Stage: string(r.Stage), Who: r.Who, From: string(r.From),
			At: r.At, What: r.What, On: r.On, Path: r.Path, Parameters: r.Parameters, Outcome: r.Outcome,
		}
	}
	return out, nil
}
