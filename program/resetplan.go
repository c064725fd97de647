package program

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"refold/snapshots/rebuild/reset"
)

// plan finds out what would be done, and shows it. It changes nothing.
func (r *resetting) plan(ctx context.Context) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.refuseMembers(ctx); err != nil {
		return err
	}
	rows, err := r.countRows(ctx)
	if err != nil {
		return err
	}
	if r.positions, err = r.reader.Find(ctx, r.partitions); err != nil {
		return err
	}
	offsets, err := kadm.NewClient(r.client).FetchOffsets(ctx, r.topics.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return fmt.Errorf("ask for the offsets of group %s: %w", r.topics.Group, err)
	}
	w := r.out
	fmt.Fprintf(w, "%s shall be made anew from offset zero of %s:\n", r.topics.Table, r.topics.Events)
	fmt.Fprintf(w, "  rows     %d, in %d partitions: written again where they are not what their events "+
		"and results make,\n           deleted (tombstones) where there are neither\n", rows,
		len(r.partitions))
	for _, p := range r.partitions {
		fmt.Fprintf(w, "  offset   of group %s in %s/%d: %s\n", r.topics.Group, r.topics.Commands, p,
			positionText(offsets, r.topics.Commands, p, r.positions[p]))
	}
	if dir := r.storeDir(); dir != "" {
		fmt.Fprintf(w, "  local    %s is removed\n", dir)
	}
	fmt.Fprintf(w, "  others'  local stores need nothing: they read what is written to %s\n", r.topics.Table)
	fmt.Fprintf(w, "%s, %s and %s are read, and not changed.\n", r.topics.Commands, r.topics.Events,
		r.topics.Results)
	return r.refuseLost(r.positions)
}

// refuseLost refuses to have commands handled that may have been: nothing in their topic fits what is known
// to have been handled.
func (r *resetting) refuseLost(positions map[int32]reset.InputPosition) error {
	for _, p := range r.partitions {
		if positions[p].Lost && !r.flags.allCommands {
			return fmt.Errorf("%s/%d has commands, and none of those that are known to have been handled: "+
				"either retention has removed them, and all that are there wait to be handled; then say "+
				"--all-commands. Or the topic is another one than it was", r.topics.Commands, p)
		}
	}
	return nil
}

// positionText says where a partition of the input goes on, and where the group is.
func positionText(
	offsets kadm.OffsetResponses, topic string, partition int32, p reset.InputPosition,
) string {
	was := "none"
	switch at, is := offsets.Lookup(topic, partition); {
	case !is:
	case at.Err != nil:
		was = fmt.Sprintf("not known (%v)", at.Err)
	case at.At == reset.Mark:
		was = "none (a reset was not finished)"
	case at.At >= 0:
		was = fmt.Sprint(at.At)
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

// refuseMembers refuses while the group has members, and names them.
func (r *resetting) refuseMembers(ctx context.Context) error {
	members, err := settledMembers(ctx, r.client, r.topics.Group)
	if err != nil || len(members) == 0 {
		return err
	}
	names := make([]string, len(members))
	for i, m := range members {
		partitions := m.Partitions[r.topics.Commands]
		slices.Sort(partitions)
		names[i] = fmt.Sprintf("\n  %s at %s, partitions %v", m.ClientID,
			hostOf(m.Host), partitions)
	}
	return fmt.Errorf("the group %s has members; stop these workers first (or rebuild while they run: "+
		"processor rebuild %s):%s", r.topics.Group, r.folded.aggregate.Plural, strings.Join(names, ""))
}

// countRows counts the rows of the table.
func (r *resetting) countRows(ctx context.Context) (n int64, err error) {
	for _, p := range r.partitions {
		table := r.tableCopy(p)
		rows, _, err := table.Open(ctx, p)
		if err != nil {
			return 0, errors.Join(err, table.close())
		}
		for rows.Next() {
			n++
		}
		err = rows.Err()
		rows.Release()
		if err := errors.Join(err, table.close()); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (r *resetting) tableCopy(partition int32) *tableCopy {
	return &tableCopy{
		kafka: r.kafka, topic: r.topics.Table,
		dir: filepath.Join(r.dir, fmt.Sprintf("%s-%d", r.topics.Table, partition)),
	}
}

// storeDir is the directory of this machine's stores of the table; empty if there is none.
func (r *resetting) storeDir() string {
	if r.config.Store.Directory == "" {
		return ""
	}
	dir := filepath.Join(r.tablesDir(), url.PathEscape(r.topics.Table))
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

func (r *resetting) tablesDir() string {
	return filepath.Join(r.config.Store.Directory, r.config.Topics.Prefix+"tables")
}
