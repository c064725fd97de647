package codecs

import (
	"errors"
	"sync"
	"time"
)

type subjectSchema struct {
	subject string
	format  Format
	schema  string
}

// cache holds what the registry said. Its maps are bounded: a full one drops any of its entries.
type cache struct {
	limits  Limits
	mu      sync.RWMutex
	ids     map[subjectSchema]int
	schemas map[SchemaID]knownSchema
}

// knownSchema is a schema, or the error that is known instead, until a time or for ever.
type knownSchema struct {
	schema *Schema
	err    error
	until  time.Time // zero: for ever
}

func newCache(limits Limits) cache {
	return cache{
		limits: limits, ids: map[subjectSchema]int{}, schemas: map[SchemaID]knownSchema{},
	}
}

func (c *cache) id(key subjectSchema) (int, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.ids[key]
	return id, ok
}

func (c *cache) putID(key subjectSchema, id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.ids, c.limits.Schemas)
	c.ids[key] = id
}

func (c *cache) schema(id SchemaID) (knownSchema, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.schemas[id]
	return k, ok && (k.until.IsZero() || time.Now().Before(k.until))
}

func (c *cache) putSchema(id SchemaID, schema *Schema, err error) {
	entry := knownSchema{schema: schema, err: err}
	switch {
	case err == nil, errors.Is(err, ErrSchemaUnusable): // an ID's schema never changes
	case (errors.Is(err, ErrSchemaNotFound) || errors.Is(err, ErrSchemaRefused)) && c.limits.UnknownFor > 0:
		entry.until = time.Now().Add(c.limits.UnknownFor)
	default:
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	makeRoom(c.schemas, c.limits.Schemas)
	c.schemas[id] = entry
}

func makeRoom[K comparable, V any](m map[K]V, limit int) {
	for key := range m {
		if len(m) < limit {
			return
		}
		delete(m, key)
	}
}
