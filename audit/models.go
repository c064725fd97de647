package audit

import (
	"context"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// models compares what stores have of read models with a fold of the events that it makes itself, in memory,
// event by event (G12). A build is compared as of the progress that it tells.
type models struct {
	breaches
	reader  *reader
	known   []ReadModel
	kinds   map[string]Kind // by name
	stores  []modelStore
	builds  []*modelBuild
	seed    maphash.Seed
	missing int // rows and states that are not compared, since events were set aside
}

// modelBuild is a build, and what should be in it.
type modelBuild struct {
	storedBuild
	store  modelStore
	of     *ReadModel
	rows   *ModelRows
	states map[aggregate]foldedState
	broken error // the fold's own
}

// aggregate is one, by its kind and key.
type aggregate struct{ kind, key string }

// foldedState is the state of an aggregate after an event. It is not changed any more.
type foldedState struct {
	state    map[string]any
	sequence int64
	unsure   bool
}

// openModels opens the databases, and gets which builds there are. It returns nil if no database is given.
func openModels(ctx context.Context, o Options, r *reader) (*models, error) {
	if err := checkReadModels(o.ReadModels, o.Kinds, o.Databases); err != nil || len(o.Databases) == 0 {
		return nil, err
	}
	m := &models{
		reader: r, known: o.ReadModels, seed: maphash.MakeSeed(), kinds: make(map[string]Kind),
	}
	for _, kind := range o.Kinds {
		m.kinds[kind.Name] = kind
	}
	for _, url := range o.Databases {
		store, err := openDatabase(url, o.Prefix)
		if err != nil {
			m.close()
			return nil, err
		}
		m.stores = append(m.stores, store)
	}
	if err := m.find(ctx); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// close closes the databases. It may be called of nil.
func (m *models) close() {
	if m == nil {
		return
	}
	for _, store := range m.stores {
		store.close()
	}
}

// find gets the builds of the versions that are known.
func (m *models) find(ctx context.Context) error {
	for _, store := range m.stores {
		builds, err := store.builds(ctx, m.known)
		if err != nil {
			return err
		}
		for _, b := range builds {
			of := m.model(b.projection)
			m.builds = append(m.builds, &modelBuild{
				storedBuild: b, store: store, of: of, rows: newModelRows(of),
				states: make(map[aggregate]foldedState),
			})
		}
	}
	return nil
}

func (m *models) model(projection string) *ReadModel {
	at := slices.IndexFunc(m.known, func(one ReadModel) bool { return one.Name == projection })
	return &m.known[at]
}

// isKnown reports whether the build is of the version that the audit folds.
func (b *modelBuild) isKnown() bool { return b.version == int64(b.of.Version) }

// add folds the events of a partition.
func (m *models) add(w *World) {
	if m == nil {
		return
	}
	var builds []*modelBuild
	for _, b := range m.builds {
		if b.isKnown() && slices.Contains(b.of.Reads, w.Kind.Name) {
			builds = append(builds, b)
		}
	}
	topic := m.reader.source.Prefix + w.Kind.events()
	states := make(map[string]foldedState)
	for i := range w.Events {
		e := w.Events[i]
		at, known := states[e.Key]
		if !known {
			at.state = w.Kind.initial()
		}
		if e.Sequence <= at.sequence {
			continue // it is there twice: World.Check says so
		}
		before := at.state
		own, _ := copied(before).(map[string]any)
		after, _ := w.Kind.after(own, e) // World.Check says what is wrong with it
		at = foldedState{state: after, sequence: e.Sequence}
		states[e.Key] = at
		for _, b := range builds {
			if e.Offset < b.next[Place{Key: topic, Partition: e.Partition}] {
				b.take(w.Kind.Name, e, before, at, m.reader.isAside(b.projection, topic, e.Place))
			}
		}
	}
}

// take folds an event that a build has taken.
func (b *modelBuild) take(kind string, e Event, before map[string]any, after foldedState, aside bool) {
	defer func() {
		if reason := recover(); reason != nil && b.broken == nil {
			b.broken = fmt.Errorf("the audit's fold panics at event %s: %v", e.ID, reason)
		}
	}()
	id := aggregate{kind, e.Key}
	after.unsure = aside
	b.states[id] = after
	b.rows.unsure = aside
	b.of.Fold(b.rows, e, before, after.state)
}

// check compares everything, when all events were folded.
func (m *models) check(ctx context.Context) error {
	for i := range m.known {
		m.live(&m.known[i])
	}
	for _, b := range m.builds {
		if err := m.progress(ctx, b); err != nil {
			return err
		}
		if !b.isKnown() {
			continue
		}
		if b.broken != nil {
			m.breach("G12", Models, "%s: %v: %v", b.store, b.storedBuild, b.broken)
			continue
		}
		if err := m.compare(ctx, b); err != nil {
			return err
		}
	}
	return m.still(ctx)
}

// live checks that readers see one build of a read model.
func (m *models) live(of *ReadModel) {
	var live []string
	for _, b := range m.builds {
		if b.of == of && b.status == buildLive {
			live = append(live, fmt.Sprintf("build %d in %s", b.number, b.store))
		}
	}
	switch len(live) {
	case 1:
	case 0:
		m.breach("G12", Models, "no build of %s is live in any database that was given", of.Name)
	default:
		m.breach("G12", Models, "%d builds of %s are live, one must be: %s", len(live), of.Name,
			strings.Join(live, ", "))
	}
}

// progress checks that a build is where its topics end, if readers see it, and in no case beyond.
func (m *models) progress(ctx context.Context, b *modelBuild) error {
	for _, kind := range b.of.Reads {
		topic := m.reader.source.Prefix + kind + "-events"
		extents, err := extentsOf(ctx, m.reader.admin, topic)
		if err != nil {
			return err
		}
		for _, partition := range slices.Sorted(maps.Keys(extents)) {
			end := extents[partition].end
			next := max(0, b.next[Place{Key: topic, Partition: partition}])
			if next > end {
				m.breach("G12", Ahead, "%s: %v has taken %v up to offset %d, and it ends at %d", b.store,
					b.storedBuild, extents[partition], next, end)
			}
			behind, err := m.reader.lacks(ctx, extents[partition], next)
			if err != nil {
				return err
			}
			if behind && b.status == buildLive {
				m.breach("G12", Behind, "%s: %v, which is live, has taken %v up to offset %d, and it ends "+
					"at %d", b.store, b.storedBuild, extents[partition], next, end)
			}
		}
	}
	return nil
}

// still checks that nobody has written meanwhile.
func (m *models) still(ctx context.Context) error {
	for _, store := range m.stores {
		builds, err := store.builds(ctx, m.known)
		if err != nil {
			return err
		}
		for _, now := range builds {
			at := slices.IndexFunc(m.builds, func(b *modelBuild) bool {
				return b.store == store && b.projection == now.projection && b.number == now.number
			})
			if at < 0 || !maps.Equal(m.builds[at].next, now.next) || m.builds[at].status != now.status {
				return fmt.Errorf("%s: %v was written to while it was read; wait until all read models are "+
					"level, and read again", store, now)
			}
		}
	}
	return nil
}
