package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// digest is what rows come to, in whatever order.
type digest struct {
	rows int
	sum  uint64
}

// compare compares the rows and states of a build, and what readers see of it if it is live.
func (m *models) compare(ctx context.Context, b *modelBuild) error {
	for _, table := range b.of.Tables {
		t := b.rows.tables[table.Name]
		has, err := m.table(ctx, b, t)
		if err != nil {
			return err
		}
		if b.status != buildLive {
			continue
		}
		var seen digest
		err = b.store.shown(ctx, b.storedBuild, t.Name, func(row map[string]any) error {
			m.digest(&seen, t, row)
			return nil
		})
		if err != nil {
			return err
		}
		if seen != has {
			m.breach("G12", Models, "%s: readers of %s see %d rows that are not the %d rows of %v, which is "+
				"live", b.store, t.Name, seen.rows, has.rows, b.storedBuild)
		}
	}
	return m.statesOf(ctx, b)
}

// digest adds a row to a digest.
func (m *models) digest(d *digest, t *foldedTable, row map[string]any) {
	var h maphash.Hash
	h.SetSeed(m.seed)
	write := func(want any, column string) {
		h.WriteString(cell(want, row[column]))
		_ = h.WriteByte(0) // it never fails
	}
	for _, column := range t.Key {
		write(nil, column)
	}
	for _, column := range slices.Sorted(maps.Keys(t.Empty)) {
		write(t.Empty[column], column)
	}
	d.rows++
	d.sum += h.Sum64()
}

// table compares the rows of a table with those that its events make.
func (m *models) table(ctx context.Context, b *modelBuild, t *foldedTable) (has digest, err error) {
	key := make([]any, len(t.Key))
	err = b.store.rows(ctx, b.storedBuild, t.Name, func(row map[string]any) error {
		m.digest(&has, t, row)
		for i, column := range t.Key {
			key[i] = row[column]
		}
		name := keyText(key)
		want := t.rows[name]
		if want == nil {
			m.breach("G12", Models, "%s: %v: %s has a row %s, which no event makes: %s", b.store,
				b.storedBuild, t.Name, name, rowText(row))
			return nil
		}
		want.seen = true
		if want.unsure {
			m.missing++
		} else if why := differing(want.values, row); why != "" {
			m.breach("G12", Models, "%s: %v: row %s of %s: %s", b.store, b.storedBuild, name, t.Name, why)
		}
		return nil
	})
	if err != nil {
		return has, err
	}
	for _, name := range slices.Sorted(maps.Keys(t.rows)) {
		switch row := t.rows[name]; {
		case row.seen:
		case row.unsure:
			m.missing++
		default:
			m.breach("G12", Models, "%s: %v: %s lacks the row %s: %s", b.store, b.storedBuild, t.Name, name,
				rowText(row.values))
		}
	}
	return has, nil
}

// statesOf compares the states that a build goes on from with those that its events make.
func (m *models) statesOf(ctx context.Context, b *modelBuild) error {
	err := b.store.states(ctx, b.storedBuild, func(s storedState) error {
		id := aggregate{s.kind, s.key}
		want, has := b.states[id]
		delete(b.states, id)
		switch {
		case !has:
			m.breach("G12", Models, "%s: %v has a state of %s %s, which no event makes", b.store,
				b.storedBuild, s.kind, s.key)
			return nil
		case want.unsure:
			m.missing++
			return nil
		}
		why, err := m.stateDiffers(ctx, s, want)
		if err == nil && why != "" {
			m.breach("G12", Models, "%s: %v: the state of %s %s %s", b.store, b.storedBuild, s.kind, s.key,
				why)
		}
		return err
	})
	if err != nil {
		return err
	}
	for id, state := range b.states {
		if state.unsure {
			m.missing++
			continue
		}
		m.breach("G12", Models, "%s: %v lacks the state of %s %s", b.store, b.storedBuild, id.kind, id.key)
	}
	return nil
}

// stateDiffers says in what a state is not what it should be. It is stored as a row without a ring.
func (m *models) stateDiffers(ctx context.Context, s storedState, want foldedState) (string, error) {
	if s.sequence != want.sequence {
		return fmt.Sprintf("is at %d, its events come to %d", s.sequence, want.sequence), nil
	}
	kind := m.kinds[s.kind]
	found, fields, err := m.reader.schemas.decode(ctx, &kgo.Record{Value: s.value})
	if errors.Is(err, errUndecodable) {
		return fmt.Sprintf("can't be read: %v", err), nil
	}
	if err != nil {
		return "", err
	}
	row := Row{Value: s.value, codec: found.codec}
	row.Unreadable = row.read(kind, fields)
	return row.differs(want.state, want.sequence, nil), nil
}
