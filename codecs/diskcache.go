package codecs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"refold/kafka"
)

// CacheSettings say where a [Registry] keeps what the registry said, so that a process starts while the
// registry is away if it was told before all that it needs. A zero limit means its default.
type CacheSettings struct {
	// Directory has the cache's file; it is made if it is missing. Empty: nothing is kept. Several processes
	// may share it if they use the same registry. The answers of a registry that has none of
	// RegistrySettings.URLs are not used, and are replaced.
	Directory string
	// Bytes limits the file, and Answers the number of answers in it. A full cache drops answers that this
	// process has not asked for. Defaults 16 MiB and 10,000: each version of a type takes two answers, and
	// twice the bytes of its schema.
	Bytes, Answers int
	// AskAgain is how long a registry that is away is left alone before it is asked again what the cache has
	// answered in its place. Default 5 s.
	AskAgain time.Duration
}

// Defaults of [CacheSettings].
const (
	DefaultCacheBytes   = 16 << 20
	DefaultCacheAnswers = 10_000
	DefaultAskAgain     = 5 * time.Second
)

// writeDelay lets the answers of a start be written together.
const writeDelay = 500 * time.Millisecond

// These texts are logged about the cache, with the consequence of each.
const (
	readingCache = "read the cache of the schema registry: it is not used"
	writingCache = "write the cache of the schema registry: a start without the registry will wait for it"
	cacheIsFull  = "the cache of the schema registry is full: a start without the registry may wait for it"
)

// fileTurn is held while a cache's file is read and replaced, so that two Registries of one process lose no
// answers of each other. Two processes may: each is told them again at its next start.
var fileTurn sync.Mutex

// diskCache holds the registry's answers, in memory and in a file. It is safe for concurrent use.
type diskCache struct {
	settings CacheSettings
	urls     []string
	log      *slog.Logger
	faults   *kafka.FaultLog

	mu      sync.Mutex
	saved   time.Time // when the file was written that was there at the start
	answers answers
	used    map[string]bool // asked for by this process
	dropped map[string]bool // no longer so
	changed bool            // since the file was written
	timer   *time.Timer     // writes the file; nil: nothing is to be written
	closed  bool
}

// openCache reads the file. What is wrong with it is logged, and no error: the registry has it all.
func openCache(s CacheSettings, urls []string, log *slog.Logger, faults *kafka.FaultLog) *diskCache {
	c := &diskCache{
		settings: s, urls: urls, log: log, faults: faults,
		answers: answers{}, used: map[string]bool{}, dropped: map[string]bool{},
	}
	fileTurn.Lock()
	defer fileTurn.Unlock()
	if err := removeLeftovers(s.Directory); err != nil {
		log.Warn("remove what a crash has left of the cache of the schema registry", "error", err)
	}
	file, err := readCache(s.Directory, s.Bytes)
	switch {
	case errors.Is(err, errNotCache):
		name, renameErr := setAside(s.Directory)
		log.Warn(readingCache, "error", errors.Join(err, renameErr), "renamed", name)
	case err != nil:
		log.Warn(readingCache, "error", err)
	case file.Answers != nil && !sameRegistry(file.URLs, urls):
		log.Warn(readingCache, "directory", s.Directory,
			"error", fmt.Errorf("it is of another registry, %v", file.URLs))
	case file.Answers != nil:
		c.answers, c.saved = file.Answers, file.Saved
	}
	return c
}

// recall returns the answer to a question.
func (c *diskCache) recall(key string) (json.RawMessage, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, has := c.answers[key]
	if has {
		c.used[key] = true
	}
	return answer, has
}

// keep takes an answer of the registry. It is written a moment later.
func (c *diskCache) keep(key string, answer json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[key] = true
	if before, has := c.answers[key]; has && bytes.Equal(before, answer) {
		return
	}
	c.answers[key] = answer
	delete(c.dropped, key)
	c.change()
}

// drop forgets an answer that is no longer so.
func (c *diskCache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, has := c.answers[key]; !has {
		return
	}
	delete(c.answers, key)
	c.dropped[key] = true
	c.change()
}

// change has the file written. c.mu is held.
func (c *diskCache) change() {
	c.changed = true
	if c.timer == nil && !c.closed {
		c.timer = time.AfterFunc(writeDelay, c.write)
	}
}

// close writes what is not written yet. Nothing is written afterwards.
func (c *diskCache) close() {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	c.write()
}

// write replaces the file if something has changed. An error is logged: the next change tries again.
func (c *diskCache) write() {
	fileTurn.Lock()
	defer fileTurn.Unlock()
	c.mu.Lock()
	c.timer = nil
	if !c.changed {
		c.mu.Unlock()
		return
	}
	c.merge()
	c.changed = false
	now := cached{URLs: c.urls, Saved: time.Now().UTC(), Answers: maps.Clone(c.answers)}
	c.mu.Unlock() // nobody waits for the disk
	if err := writeCache(c.settings.Directory, now); err != nil {
		c.faults.Failed(slog.LevelWarn, writingCache, err, "directory", c.settings.Directory)
		c.mu.Lock()
		c.changed = true
		c.mu.Unlock()
		return
	}
	c.faults.Ended(writingCache)
}

// merge adds what others have written, and drops what is too much.
func (c *diskCache) merge() {
	file, err := readCache(c.settings.Directory, c.settings.Bytes)
	if err == nil && sameRegistry(file.URLs, c.urls) {
		for key, answer := range file.Answers {
			if _, has := c.answers[key]; !has && !c.dropped[key] {
				c.answers[key] = answer
			}
		}
	}
	if c.makeRoom() {
		c.faults.Ended(cacheIsFull)
		return
	}
	c.faults.Failed(slog.LevelWarn, cacheIsFull, errors.New("raise registry.cache-bytes or "+
		"registry.cache-answers"), "bytes", c.settings.Bytes, "answers", c.settings.Answers)
}

// makeRoom drops answers that are too many, those first that this process has not asked for. It reports
// whether all the others have room.
func (c *diskCache) makeRoom() bool {
	keys := slices.Sorted(maps.Keys(c.answers))
	slices.SortStableFunc(keys, func(a, b string) int {
		switch {
		case c.used[a] == c.used[b]:
			return 0
		case c.used[a]:
			return -1
		}
		return 1
	})
	frame := len(cacheHead(nil)) + jsonBytes(cached{URLs: c.urls, Saved: time.Now()})
	room, left := true, c.settings.Bytes-frame
	for i, key := range keys {
		left -= jsonBytes(key) + len(c.answers[key]) + len(":,")
		if left < 0 || i >= c.settings.Answers {
			room = room && !c.used[key]
			delete(c.answers, key)
		}
	}
	return room
}

// jsonBytes returns the size of a value as JSON.
func jsonBytes(v any) int {
	text, err := json.Marshal(v)
	if err != nil {
		return 0 // what is measured here has JSON
	}
	return len(text)
}
