package snapshots

import "errors"

// Errors of stores, for errors.Is.
var (
	// ErrLocked says that another Stores, of this process or of another one, has the directory.
	ErrLocked = errors.New("the directory is in use")

	// ErrClosed says that a store is used before its Open, after its Close, or after Stores.Close.
	ErrClosed = errors.New("the store is not open")

	// ErrTakenOver says that the same store was opened a second time, which took it away from
	// whoever had it before. That is right after a rebalance, where the first opener is a session
	// that has not noticed its end yet. Two that need the same partition at the same time use
	// Stores of their own.
	ErrTakenOver = errors.New("the store was opened by somebody else since")

	// ErrDamaged says that the store's files can't be read any more. The store is rebuilt from its
	// topic when it is opened next, also by another process.
	ErrDamaged = errors.New("the store's files are damaged")

	// ErrDisk says that the disk does not take what was written before (it is full, say). Nothing
	// more is accepted until it does: rows would pile up in memory. It is tried again all along.
	ErrDisk = errors.New("the disk of the local store fails")

	// ErrRebuilding says that a store is being rebuilt already.
	ErrRebuilding = errors.New("the store is being rebuilt already")

	// ErrNoRoom says that the disk has too little room for a second store beside the first.
	ErrNoRoom = errors.New("the disk has too little room")

	// ErrMisfit says that a store was rebuilt several times while it was opened and still did not
	// fit its topic.
	ErrMisfit = errors.New("the store does not fit its topic")
)
