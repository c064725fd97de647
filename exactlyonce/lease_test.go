package exactlyonce

import (
	"testing"
	"time"
)

// A lease goes on for the session time-out from when the last request was sent that the coordinator answered.
func TestLease(t *testing.T) {
	const timeout = 10 * time.Second
	type step struct {
		after     time.Duration // since the step before
		ago       time.Duration // since the request was sent that is answered now
		joined    bool
		heartbeat bool
		want      bool
	}
	for name, steps := range map[string][]step{
		"nobody has joined": {
			{want: false}, {after: time.Second, heartbeat: true, want: false},
		},
		"joined": {
			{joined: true, want: true}, {after: timeout - 1, want: true}, {after: 1, want: false},
		},
		"it counts from the request": {
			{joined: true, ago: time.Second, want: true}, {after: 9 * time.Second, want: false},
		},
		"heartbeats renew it": {
			{joined: true, want: true},
			{after: 9 * time.Second, heartbeat: true, want: true},
			{after: 9 * time.Second, want: true},
		},
		"an older answer takes nothing": {
			{joined: true, want: true},
			{heartbeat: true, ago: 5 * time.Second, want: true},
			{after: 9 * time.Second, want: true},
		},
		"one heartbeat after its end may have been refused": {
			{joined: true, want: true}, {after: timeout, heartbeat: true, want: false},
		},
		"a second one was sent by a member": {
			{joined: true, want: true},
			{after: timeout + 1, heartbeat: true, want: false},
			{after: time.Second, heartbeat: true, want: true},
		},
		"whoever joins anew is a member": {
			{joined: true, want: true},
			{after: timeout + 1, heartbeat: true, want: false},
			{joined: true, want: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(1, 0)
			l := newLease(timeout)
			l.now = func() time.Time { return now }
			for i, s := range steps {
				now = now.Add(s.after)
				if s.joined || s.heartbeat {
					l.answered(s.ago, s.joined)
				}
				if got := l.holds(); got != s.want {
					t.Fatalf("step %d: it holds: %t, want %t", i+1, got, s.want)
				}
			}
		})
	}
}
