package command

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"refold/audittrail"
)

// reachTimeout limits how long a command looks for the audit trail.
const reachTimeout = 30 * time.Second

// Trail returns the audit trail of the installation. Close it.
func (l *Loaded) Trail() (*audittrail.Trail, error) {
	options, err := l.Kafka(nil).Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the setting
	}
	return audittrail.New(audittrail.Options{
		Kafka: options, Topic: audittrail.TopicName(l.Prefix()), At: Whoami(),
	}), nil
}

// Audited does something of which the audit trail has a record: who did it is the record's Who, or else the
// user. If the record can't be written, nothing is done. Where the installation has no audit trail yet,
// because no worker of this version has run, errs is told so, and it is done.
func (l *Loaded) Audited(ctx context.Context, errs io.Writer, r audittrail.Record, do func() error) error {
	trail, err := l.Trail()
	if err != nil {
		return err
	}
	defer trail.Close()
	bounded, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	there, err := trail.Exists(bounded)
	if err != nil {
		return fmt.Errorf("nothing was done: %w", err)
	}
	if !there {
		fmt.Fprintf(errs, "the topic %s is not there yet: no record of this is kept\n",
			audittrail.TopicName(l.Prefix()))
		return do()
	}
	r.Who, r.From = cmp.Or(r.Who, Whoami()), audittrail.CommandLine
	return trail.Do(ctx, r, do) //nolint:wrapcheck // it says what is wrong
}
