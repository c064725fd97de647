package frame

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Right is what somebody may do in the console.
type Right string

// The rights.
const (
	Read    Right = "read"    // to look
	Command Right = "command" // to send commands to aggregates
	Operate Right = "operate" // to rebuild, replay, discard
)

// verb says what a right is good for, after "to".
func (r Right) verb() string {
	switch r {
	case Command:
		return "send commands"
	case Operate:
		return "operate"
	case Read:
	}
	return "read"
}

// Session is somebody who uses the console.
type Session struct {
	User string // for people, and for the audit trail
	// Rights are what the user may do.
	Rights []Right
	// Why says for a right that is missing how to get it, such as the setting that gives it.
	Why func(Right) string
}

// Access says who asks, and what they may.
type Access interface {
	Of(r *http.Request) Session
}

// Configured is the access that a configuration gives: the same rights for all.
type Configured struct {
	Allow []Right // beside Read
	// UserHeader is the header in which a proxy in front names the user; empty: there is none.
	UserHeader string
}

// maxUserBytes limits a user's name: it stands in each entry of the audit trail.
const maxUserBytes = 128

// Of returns the session of a request.
func (c Configured) Of(r *http.Request) Session {
	user := ""
	if c.UserHeader != "" {
		user = strings.ToValidUTF8(r.Header.Get(c.UserHeader), "")
	}
	if len(user) > maxUserBytes {
		user = strings.ToValidUTF8(user[:maxUserBytes], "")
	}
	if user == "" {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			host = r.RemoteAddr
		}
		user = "anonymous at " + host
	}
	return Session{User: user, Rights: append([]Right{Read}, c.Allow...), Why: allowedBy}
}

func allowedBy(right Right) string {
	return "Nobody may " + right.verb() + " here. The setting console.allow, with " + string(right) +
		" in its list, allows it to everybody who can reach this page."
}

func (s Session) may(right Right) bool { return slices.Contains(s.Rights, right) }

func (s Session) why(right Right) string {
	if s.Why == nil {
		return "You may not " + right.verb() + " here."
	}
	return s.Why(right)
}

type callerKey struct{}

// withCaller keeps the credentials of a request for what is asked of the API on its behalf.
func withCaller(ctx context.Context, r *http.Request) context.Context {
	kept := http.Header{}
	for _, name := range []string{"Authorization", "Cookie"} {
		if values := r.Header[name]; len(values) > 0 {
			kept[name] = slices.Clone(values)
		}
	}
	return context.WithValue(ctx, callerKey{}, kept)
}

// Credentials returns the headers with the credentials of the user on whose behalf ctx works.
func Credentials(ctx context.Context) http.Header {
	header, _ := ctx.Value(callerKey{}).(http.Header)
	return header
}
