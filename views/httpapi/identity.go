package httpapi

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// maxIDLength limits the IDs of aggregates and commands: they are keys of records, parts of
// headers, and held in memory by those who wait.
const maxIDLength = 128

// anID is what validID allows, for the API's description. A dot or two are none, three are; the pattern
// does without a look ahead, which not all know.
const (
	anID = `([A-Za-z0-9_~:@-][A-Za-z0-9_~:@.-]{0,127}|\.[A-Za-z0-9_~:@-][A-Za-z0-9_~:@.-]{0,126}|` +
		`\.\.[A-Za-z0-9_~:@.-]{1,126})`
	idPattern        = `^` + anID + `$`
	keyPattern       = `^(` + anID + `|"` + anID + `")$` // of an Idempotency-Key
	commandIDPattern = `^` + anID + `(/` + anID + `)*$`
)

// idAllowed says it in words.
const idAllowed = "1 to 128 of the characters A-Z a-z 0-9 - _ . ~ : @ (not . or .. alone)"

// validID tells whether an aggregate or a command may be called so. The characters need no
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

// maxCommandIDLength limits the ID of a command that is asked for.
const maxCommandIDLength = 512

// commandIDSchema describes what validCommandID allows.
func commandIDSchema() *huma.Schema {
	longest := maxCommandIDLength
	return &huma.Schema{Type: huma.TypeString, MaxLength: &longest, Pattern: commandIDPattern}
}

const commandIDAllowed = "1 to 512 of the characters A-Z a-z 0-9 - _ . ~ : @ /"

// validCommandID tells whether a command may be called so: by its sender, or by a process, whose
// commands have the ID of their cause in theirs, "order-1/1/order-payments.0".
func validCommandID(id string) bool {
	if len(id) > maxCommandIDLength {
		return false
	}
	for part := range strings.SplitSeq(id, "/") {
		if !validID(part) {
			return false
		}
	}
	return true
}

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
