package kafka

import "errors"

var (
	// ErrOffsetOutOfRange says that a partition no longer holds, or never held, the offset that a
	// reader is at: below the log's start (older records were deleted), beyond its end (the topic
	// was deleted and made again, or lost its end). What was read before does not fit the topic
	// any more; a store that was built from it must be rebuilt.
	ErrOffsetOutOfRange = errors.New("offset out of range")

	// ErrTopicMissing says that there is no such topic, or no such partition of it, or that it was
	// deleted (and maybe made again) while it was read.
	ErrTopicMissing = errors.New("topic or partition missing")

	// ErrPartitions says that topics that belong together have different numbers of partitions: a
	// key's records are then not in the same partition of all of them.
	ErrPartitions = errors.New("topics that belong together have different numbers of partitions")
)
