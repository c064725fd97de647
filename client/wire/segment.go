package wire

import "net/url"

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
