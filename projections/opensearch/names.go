package opensearch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"

	"refold/projections"
)

// buildsIndex has a document for each build there ever was.
func (s *Store) buildsIndex() string { return s.client.options.Prefix + "refold_builds" }

func buildID(projection string, number int) string { return fmt.Sprintf("%s-%d", projection, number) }

// alias is the name by which readers search a table.
func (s *Store) alias(table string) string { return s.client.options.Prefix + table }

// tableIndex has the rows of a table in a build.
func (s *Store) tableIndex(table string, number int) string {
	return s.client.options.Prefix + table + "__" + strconv.Itoa(number)
}

// statesIndex has the states of a build. The dash keeps its name apart from those of tables.
func (s *Store) statesIndex(projection string, number int) string {
	return s.tableIndex(projection+"-states", number)
}

// progressIndex has the progress of a build.
func (s *Store) progressIndex(projection string, number int) string {
	return s.tableIndex(projection+"-progress", number)
}

// forWriting is the alias under which an index is written to. A write that requires an alias can't make an
// index that was removed again, without its mapping.
func forWriting(index string) string { return index + ".write" }

// maxIDBytes is the longest ID of a document.
const maxIDBytes = 512

// documentID returns a key as an ID: itself, or a digest of it if it is too long, or empty. No key has a #.
func documentID(key string) string {
	if len(key) > 0 && len(key) <= maxIDBytes {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "#" + hex.EncodeToString(sum[:])
}

func stateID(aggregate, subject string) string {
	return documentID(aggregate + "/" + url.PathEscape(subject))
}

func progressID(p projections.Partition) string {
	return documentID(p.Topic + "/" + strconv.FormatInt(int64(p.Partition), 10))
}
