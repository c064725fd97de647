package httpapi

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/views"
)

// What is sent may be called by few characters, which need no escaping anywhere. What is read may be
// called anything that a record can be: others write into the topics, too.

// maxIDLength limits the IDs of aggregates and commands that are sent: they are keys of records, parts
// of headers, and held in memory by those who wait.
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

// Segment escapes an ID for a path, as one segment of it: also "." and "..", which would otherwise be
// resolved.
func Segment(id string) string {
	switch id {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(id)
}

// pathOf returns the path of an aggregate.
func pathOf(r *Resource, id string) string { return "/" + r.Plural + "/" + Segment(id) }

// commandID returns the command's ID by the Idempotency-Key header, with or without the quotes of
// a structured field, or makes up a new one, which sorts by time.
func commandID(idempotencyKey string) (string, error) {
	key := strings.TrimSpace(idempotencyKey)
	if key == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("make up a command ID: %w", err)
		}
		return id.String(), nil
	}
	if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
		key = key[1 : n-1]
	}
	if !validID(key) {
		return "", invalid(mistake{Path: "header.Idempotency-Key", Allowed: idAllowed, Found: key})
	}
	return key, nil
}
