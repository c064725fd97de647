package audit

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// readModels compares the read models, when all events were read.
func (r *run) readModels(ctx context.Context) error {
	m := r.models
	if m == nil {
		return nil
	}
	if err := m.check(ctx); err != nil {
		return err
	}
	r.summary.Add(m.found...)
	compared, rows, unknown := 0, 0, 0
	for _, b := range m.builds {
		if !b.isKnown() {
			unknown++
			r.note("%s: %v is of version %d, and the audit folds version %d: not compared", b.store,
				b.storedBuild, b.version, b.of.Version)
			continue
		}
		compared++
		for _, t := range b.rows.tables {
			rows += len(t.rows)
		}
	}
	r.line("read models: %d builds in %d databases, whose events make %d rows", compared, len(m.stores), rows)
	if m.missing > 0 {
		r.note("%d rows and states of read models are not compared: events of theirs were set aside",
			m.missing)
	}
	return nil
}

func (r *run) note(format string, args ...any) {
	r.summary.Notes = append(r.summary.Notes, fmt.Sprintf(format, args...))
}

// Level returns an error that says which read model has not come to the end of its topics, or is about to be
// replaced; nil, if all databases of the options are as they will stay.
func Level(ctx context.Context, o Options) error {
	r, err := newReader(ctx, o.Source)
	if err != nil {
		return err
	}
	defer r.close()
	m, err := openModels(ctx, o, r)
	if err != nil || m == nil {
		return err
	}
	defer m.close()
	for i := range m.known {
		if err := m.settled(&m.known[i]); err != nil {
			return err
		}
	}
	for _, b := range m.builds {
		if !b.isKnown() {
			continue
		}
		if err := r.level(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// level returns an error that says where a build is behind.
func (r *reader) level(ctx context.Context, b *modelBuild) error {
	for _, kind := range b.of.Reads {
		extents, err := extentsOf(ctx, r.admin, r.source.Prefix+kind+"-events")
		if err != nil {
			return err
		}
		for partition, e := range extents {
			next := max(0, b.next[Place{Key: e.topic, Partition: partition}])
			behind, err := r.lacks(ctx, e, next)
			if err != nil {
				return err
			}
			if behind {
				return fmt.Errorf("%s: %v has taken %v up to offset %d, and it ends at %d", b.store,
					b.storedBuild, e, next, e.end)
			}
		}
	}
	return nil
}

// settled returns an error if no build of a read model is live, or one is that another one will replace.
func (m *models) settled(of *ReadModel) error {
	var live, latest *modelBuild
	for _, b := range m.builds {
		if b.of == of && b.isKnown() {
			if b.status == buildLive {
				live = b
			}
			if latest == nil || b.number > latest.number {
				latest = b
			}
		}
	}
	switch {
	case live == nil:
		return fmt.Errorf("no build of %s is live", of.Name)
	case latest.number > live.number && latest.status == buildFilling:
		return fmt.Errorf("%s: %v is filling, and will take over", latest.store, latest.storedBuild)
	}
	return nil
}

// lacks reports whether a partition has a record for a reader from an offset on.
func (r *reader) lacks(ctx context.Context, e extent, from int64) (bool, error) {
	end := kadm.Offset{Topic: e.topic, Partition: e.partition, At: e.end}
	nothing, err := nothingFrom(ctx, r.source.Brokers, r.admin, end, from)
	return !nothing, err
}
