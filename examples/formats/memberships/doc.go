// Package memberships is the memberships of a gym. Their commands and events are written as JSON, with the JSON
// Schemas of the structs.
package memberships
