// Package trail is the part of the console about the audit trail: who did what, when, and how it ended.
package trail
