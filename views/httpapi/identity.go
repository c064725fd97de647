package httpapi

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"refold/client/wire"
	"refold/codecs"
	"refold/eventsourcing"
	"refold/views"
	"refold/views/httpapi/endpoint"
)

// IDs of what is sent here are of a few characters, which need no escaping anywhere. IDs of what is read may
// be anything that fits into a record: other producers write into the topics, too.

// maxIDLength limits the IDs of aggregates and commands that are sent: they are keys of records, parts
// of headers, and held in memory by requests that wait.
const maxIDLength = 128

// Whatever is sent here is within the limits that readers of topics apply.
const _ = uint(min(eventsourcing.MaxKeyBytes, eventsourcing.MaxCommandIDBytes) - maxIDLength)

// anID is what validID allows, for the API's description. A dot or two are none, three are; the pattern
// does without a look ahead, which not all know.
const (
	anID = `([A-Za-z0-9_~:@-][A-Za-z0-9_~:@.-]{0,127}|\.[A-Za-z0-9_~:@-][A-Za-z0-9_~:@.-]{0,126}|` +
		`\.\.[A-Za-z0-9_~:@.-]{1,126})`
	idPattern  = `^` + anID + `$`
	keyPattern = `^(` + anID + `|"` + anID + `")$` // of an Idempotency-Key
)

// idAllowed says it in words.
const idAllowed = "1 to 128 of the characters A-Z a-z 0-9 - _ . ~ : @ (not . or .. alone)"

// validID reports whether an aggregate or a command that is sent may be called so. The characters need no
// escaping in a path; "/" is left out since it separates the parts of an event's ID.
func validID(id string) bool {
	if id == "" || len(id) > maxIDLength || id == "." || id == ".." {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("-_.~:@", c) < 0 {
			return false
		}
	}
	return true
}

// LinkBytes is how long a link of ours may be: to a command of the longest ID to an aggregate of the
// longest ID, each byte of both escaped, and room for the rest.
const LinkBytes = 3*(views.MaxIDBytes+codecs.MaxHeaderBytes) + 512

// pathOf returns the path of an aggregate.
func pathOf(r *Resource, id string) string { return "/" + r.Plural + "/" + wire.Segment(id) }

// newCommandID makes up a command's ID, which sorts by time.
func newCommandID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make up a command ID: %w", err)
	}
	return id.String(), nil
}

// readKey returns the command's ID by the Idempotency-Key header, with or without the quotes of a structured
// field; empty if there is none.
func readKey(header string) (id string, ok bool) {
	key := strings.TrimSpace(header)
	if key == "" {
		return "", true
	}
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	return key, validID(key)
}

// aggregateID is the ID of an aggregate that is read.
type aggregateID string

// Describe returns its description.
func (aggregateID) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param("The ID of the "+c.Aggregate+", its bytes escaped as in links.",
		endpoint.IDSchema(), nil)
}
