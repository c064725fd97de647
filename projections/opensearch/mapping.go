package opensearch

import (
	"fmt"
	"time"

	"refold/projections"
)

// object is a JSON object.
type object = map[string]any

// longestKeyword is the most characters of a text that are found as a whole: four bytes each are just below
// what Lucene takes as one term. A longer text is found by its words only.
const longestKeyword = 8_191

// fieldOf returns the mapping of a column.
func fieldOf(c projections.Column) object {
	switch c.Type {
	case projections.Text:
		return object{"type": "text", "fields": object{
			"keyword": object{"type": "keyword", "ignore_above": longestKeyword},
		}}
	case projections.Integer:
		return object{"type": "long"}
	case projections.Real:
		return object{"type": "double"}
	case projections.Boolean:
		return object{"type": "boolean"}
	case projections.Time:
		return object{"type": "date", "format": "strict_date_optional_time"}
	case projections.Bytes:
		return object{"type": "binary"}
	default:
		// Any JSON: rows could not be of one type else, and each name in it would become a field.
		return object{"type": "object", "enabled": false}
	}
}

// mappingOf returns the mapping of a table. A field that it does not have is refused.
func mappingOf(t *projections.Table) object {
	fields := make(object, len(t.Columns))
	for _, c := range t.Columns {
		fields[c.Name] = fieldOf(c)
	}
	return object{"dynamic": "strict", "properties": fields}
}

// notSearched is the mapping of documents that are read by their IDs, or all of them.
func notSearched() object { return object{"dynamic": "false", "properties": object{}} }

// buildsMapping is that of the index of builds.
func buildsMapping() object {
	return object{"dynamic": "false", "properties": object{
		"projection": object{"type": "keyword"},
		"number":     object{"type": "integer"},
	}}
}

// settings are those of a new index. A cluster of one node has no replicas, any other one of each shard.
func (o Options) settings(shards int) object {
	return object{"index": object{
		"number_of_shards":     shards,
		"auto_expand_replicas": "0-1",
		"gc_deletes":           fmt.Sprintf("%dms", o.Tombstones/time.Millisecond),
	}}
}
