package snapshots

// watched is a cursor that notes what it finds damaged.
func (s *store) watched(of backend, c cursor, err error) (cursor, error) {
	if err != nil {
		return nil, err
	}
	return watchedCursor{c, s, of}, nil
}

type watchedCursor struct {
	cursor

	store *store
	of    backend
}

func (c watchedCursor) next() bool           { return c.moved(c.cursor.next()) }
func (c watchedCursor) seek(key []byte) bool { return c.moved(c.cursor.seek(key)) }
func (c watchedCursor) err() error           { return c.store.noteDamage(c.of, c.cursor.err()) }

func (c watchedCursor) value() ([]byte, error) {
	value, err := c.cursor.value()
	return value, c.store.noteDamage(c.of, err)
}

// moved looks why there is no further row: whoever goes through rows may not ask.
func (c watchedCursor) moved(ok bool) bool {
	if !ok {
		_ = c.err()
	}
	return ok
}
