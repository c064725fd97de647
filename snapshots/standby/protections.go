//go:build !faulty

package standby

// committedOnly: a standby takes in what is committed, as an owner does that restores its store. A build with
// the tag "faulty" can switch it off; see protections_faulty.go.
const committedOnly = true
