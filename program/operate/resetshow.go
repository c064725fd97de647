package operate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"refold/operator"
	"refold/processors"
	"refold/program/command"
	"refold/snapshots/rebuild/reset"
	"refold/snapshots/verify"
)

// plan shows what the reset would do. Its error is a refusal.
func (r *resetting) plan(ctx context.Context) error {
	plan, err := r.reset.Plan(ctx)
	if err != nil {
		return r.advised(err)
	}
	w := r.out
	fmt.Fprintf(w, "%s shall be made anew from offset zero of %s:\n", r.topics.Table, r.topics.Events)
	fmt.Fprintf(w, "  rows     %d, in %d partitions: written again where they are not what their events "+
		"and results make,\n           deleted (tombstones) where there are neither\n", plan.Rows,
		len(plan.Partitions))
	for _, p := range plan.Partitions {
		fmt.Fprintf(w, "  offset   of group %s in %s/%d: %s\n", r.topics.Group, r.topics.Commands,
			p.Partition, positionText(p))
	}
	if plan.LocalStore != "" {
		fmt.Fprintf(w, "  local    the rows of %s in %s are removed\n", r.topics.Table, plan.LocalStore)
	}
	fmt.Fprintf(w, "  others'  local stores need nothing: they read what is written to %s\n", r.topics.Table)
	read := r.topics.Commands + " and " + r.topics.Events
	if r.topics.Results != "" {
		read = r.topics.Commands + ", " + r.topics.Events + " and " + r.topics.Results
	}
	fmt.Fprintf(w, "%s are read, and not changed.\n", read)
	return r.advised(r.reset.Refused(plan))
}

// positionText says where a partition of the input goes on, and where the group is.
func positionText(p operator.ResetPartition) string {
	was := "none"
	switch {
	case p.CommittedErr != nil:
		was = fmt.Sprintf("not known (%v)", p.CommittedErr)
	case p.Committed == reset.Mark:
		was = "none (a reset was not finished)"
	case p.Committed >= 0:
		was = fmt.Sprint(p.Committed)
	}
	text := fmt.Sprintf("%s, shall be %d; ", was, p.Next)
	switch p.Waiting {
	case 0:
		text += "all commands were handled"
	case 1:
		text += "1 command waits behind it"
	default:
		text += fmt.Sprintf("%d commands wait behind it", p.Waiting)
	}
	return text
}

// run does what was shown, and prints it.
func (r *resetting) run(ctx context.Context) error {
	progress := newProgress(r.err)
	defer progress.end()
	encoder := json.NewEncoder(r.out)
	report, err := r.reset.Run(ctx, operator.ResetCallbacks{
		Progress: func(p int32, stage string, done, total int64) {
			progress.line(fmt.Sprintf("partition %d: %s (%d of %d)", p, stage, done, total))
		},
		Made: func(p reset.PartitionReport) {
			progress.end()
			fmt.Fprintf(r.out, "partition %d: %d events and %d results read; rows: %d written, %d deleted, "+
				"%d were right\n", p.Partition, p.Events, p.Results, p.Written, p.Removed, p.Kept)
		},
		Differs: func(d verify.Difference) error { return encoder.Encode(d) },
	})
	progress.end()
	if report.Verified {
		tellBeyond(r.err, r.beyond)
	}
	switch {
	case err != nil && !report.Begun:
		return refusal{r.advised(err)}
	case err != nil:
		return fmt.Errorf("%w\nthe reset is not finished, and workers will not start: run it again",
			r.advised(err))
	case report.Differences > 0:
		fmt.Fprintf(r.err, "%d differences; workers will not start until that is understood\n",
			report.Differences)
		return command.ExitError{Code: command.ExitUnequal}
	}
	if report.VersionNotRecorded != nil {
		fmt.Fprintf(r.err, "the fold version is not noted: %v\n", report.VersionNotRecorded)
	}
	fmt.Fprintf(r.out, "%s is made, verified, and group %s goes on at the commands that wait; start the "+
		"workers\n", r.topics.Table, r.topics.Group)
	return nil
}

// advised adds to an error what can be done about it, by this program's commands and flags.
func (r *resetting) advised(err error) error {
	if members, is := errors.AsType[*operator.MembersError](err); is {
		names := make([]string, len(members.Members))
		for i, m := range members.Members {
			partitions := m.Partitions[r.topics.Commands]
			slices.Sort(partitions)
			names[i] = fmt.Sprintf("\n  %s at %s, partitions %v", m.ClientID, operator.HostOf(m.Host),
				partitions)
		}
		return fmt.Errorf("the group %s has members; stop these workers first (or rebuild while they run: "+
			"processor rebuild %s):%s", r.topics.Group, r.plural, strings.Join(names, ""))
	}
	switch {
	case errors.As(err, new(*operator.LostCommandsError)):
		return fmt.Errorf("%w: either retention has removed them, and all that are there wait to be "+
			"handled; then say --all-commands. Or the topic is another one than it was", err)
	case errors.Is(err, processors.ErrEventsLost):
		return fmt.Errorf("%w\nrestore them, or say --events-lost if nobody has them: clients were told of "+
			"what they hold", err)
	}
	return err
}
