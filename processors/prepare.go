package processors

import (
	"context"
	"errors"
	"fmt"

	"refold/codecs"
)

// Prepare gets the IDs of all schemas from the registry, and makes sure that the rows and events of all
// versions can be read.
func (o *Opened) Prepare(ctx context.Context) error {
	errs := []error{o.Results.Prepare(ctx)}
	for _, a := range o.Aggregates {
		errs = append(errs, a.Prepare(ctx))
	}
	for _, p := range o.Processes {
		errs = append(errs, p.Inputs.Prepare(ctx))
	}
	return errors.Join(errs...)
}

// CheckVersions compares all versions of commands, results and inputs of processes in the registry with
// those of this program; Prepare has compared those of rows and events. Records of a version that can't be
// read become dead letters.
func (o *Opened) CheckVersions(ctx context.Context) error {
	errs := []error{o.Results.CheckVersions(ctx)}
	for _, a := range o.Aggregates {
		errs = append(errs, a.Commands.CheckVersions(ctx))
	}
	for _, p := range o.Processes {
		errs = append(errs, p.Inputs.CheckVersions(ctx))
	}
	return errors.Join(errs...)
}

// Prepare gets the IDs of the aggregate's schemas from the registry, and makes sure that the rows and
// events of all their versions can be read, and that a state with other fields has another fold version.
// Commands that can't be read become dead letters; without rows and events nothing can be handled.
func (o *OpenAggregate) Prepare(ctx context.Context) error {
	// Rows first: a schema that does not fit must not be registered.
	errs := []error{o.readable(ctx, o.Rows)}
	if errs[0] == nil {
		for _, set := range o.Sets() {
			errs = append(errs, set.Prepare(ctx))
		}
	}
	if errors.Join(errs...) == nil {
		errs = append(errs, o.readable(ctx, o.Events))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("schemas of %s: %w", o.Plural, err)
	}
	return nil
}

// readable returns why what was written with each version of a set's types can't be read, unless Unreadable
// accepts that.
func (o *OpenAggregate) readable(ctx context.Context, set *codecs.Set) error {
	err := set.CheckVersions(ctx)
	if o.Unreadable != nil && codecs.OnlyVersions(err) {
		return o.Unreadable(err)
	}
	return err //nolint:wrapcheck // it names the versions
}
