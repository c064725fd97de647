package main

import (
	"testing"

	"example.com/formats/memberships"
	"github.com/google/go-cmp/cmp"

	"refold/client"
	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/program"
	"refold/program/programtest"
)

// first is the program of generation 1, whose events had the name of the member alone.
func first() program.Program {
	type StartMembership struct {
		Name string `json:"name"`
	}
	type MembershipStarted struct {
		Name string `json:"name"`
		Plan string `json:"plan"`
	}
	return program.Program{Name: "formats", Definitions: []processors.Definition{
		processors.Aggregate[memberships.Membership, StartMembership, MembershipStarted]{
			Name: "membership", Plural: "memberships", Format: codecs.JSONSchema, FoldVersion: 1,
			Decide: func(_ eventsourcing.Context, _ memberships.Membership, c StartMembership) (
				[]MembershipStarted, error,
			) {
				return []MembershipStarted{{c.Name, "basic"}}, nil
			},
			Evolve: func(
				m memberships.Membership, e eventsourcing.Recorded[MembershipStarted],
			) memberships.Membership {
				m.Member.Name, m.Plan = e.Event.Name, e.Event.Plan
				return m
			},
			Commands: []processors.Message{processors.Of(StartMembership{"Ada"}, "Starts.")},
			Events:   []processors.Message{processors.Of(MembershipStarted{}, "Started.")},
		},
	}}
}

// A program of today goes on where one of generation 1 has stopped: what that one wrote is in the past, in
// the history as it was written, and in the rows.
func TestGenerations(t *testing.T) {
	c := programtest.Start(t, first())
	sent, err := c.Client.Send(t.Context(), "memberships", "ada", client.Send{
		Type: "StartMembership", Data: []byte(`{"name": "Ada"}`), Wait: programtest.Patience,
	})
	if err != nil || sent.LastSequence != 1 {
		t.Fatalf("got %+v, %v", sent, err)
	}
	c.Upgrade(formats)
	c.Accepted("membership", "ada", memberships.VisitGym{Studio: "spa"})
	rebuild(t, c, "memberships")
	run(t, c, "verify", "memberships", "--worker", c.URL)
	ada := memberships.Membership{Member: memberships.Member{Name: "Ada"}, Plan: "basic", Visits: 1}
	if got := programtest.State[memberships.Membership](c, "membership", "ada"); got != ada {
		t.Errorf("got %+v", got)
	}
	want := []string{
		`1 MembershipStarted {"name":"Ada","plan":"basic"}` +
			` = MembershipStarted {"member":{"name":"Ada"},"plan":"basic"}`,
		`2 GymVisited {"studio":"spa"}`,
	}
	if diff := cmp.Diff(want, history(t, c, "memberships/ada")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	past, err := c.Client.Get(t.Context(), "memberships", "ada", client.Get{Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	ada.Visits = 0
	if got, err := client.State[memberships.Membership](past); err != nil || got != ada {
		t.Errorf("in the past: %+v, %v", got, err)
	}
}
