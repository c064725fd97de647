package memberships

import (
	"fmt"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// Command is a wish. The types below are all there are.
type Command interface{ isCommand() }

// The commands. The tags are those that the schemas are made of, and all that they say is checked before a
// command is accepted.
type (
	StartMembership struct {
		Member Member `json:"member"`
		Plan   string `json:"plan" enum:"basic,premium"`
	}
	VisitGym struct {
		Studio string `json:"studio" minLength:"1" maxLength:"40" doc:"The studio's name."`
	}
	EndMembership struct {
		Reason string `json:"reason,omitempty" maxLength:"200"`
	}
)

// Event is a fact. The types below are all there are.
type Event interface{ isEvent() }

// The events.
type (
	MembershipStarted struct {
		Member Member `json:"member"`
		Plan   string `json:"plan" enum:"basic,premium"`
		// Cents was added later: events of earlier versions lack it.
		Cents int64 `json:"cents,omitempty" minimum:"0" doc:"The fee for a month."`
	}
	GymVisited struct {
		Studio string `json:"studio"`
	}
	MembershipEnded struct {
		Reason string `json:"reason,omitempty"`
	}
)

// Member is a person.
type Member struct {
	Name  string `json:"name" avro:"name" minLength:"1" maxLength:"80"`
	Email string `json:"email,omitempty" avro:"email" format:"email"`
}

// membershipStarted1 is version 1: it had the name alone.
type membershipStarted1 struct {
	Name string `json:"name"`
	Plan string `json:"plan"`
}

func (StartMembership) isCommand() {}
func (VisitGym) isCommand()        {}
func (EndMembership) isCommand()   {}
func (MembershipStarted) isEvent() {}
func (GymVisited) isEvent()        {}
func (MembershipEnded) isEvent()   {}

// Membership is the state of one membership. Rows are Avro, in every aggregate.
type Membership struct {
	Member Member `avro:"member" json:"member"`
	Plan   string `avro:"plan" json:"plan"`
	Visits int64  `avro:"visits" json:"visits"`
}

// Definition is all that a program needs to know of memberships.
var Definition = processors.Aggregate[Membership, Command, Event]{
	Name: "membership", Plural: "memberships",
	Format: codecs.JSONSchema,
	Decide: decide, Evolve: evolve, FoldVersion: 1,
	Commands: []processors.Message{
		processors.Of(StartMembership{Member{"Ada", "ada@example.com"}, "basic"}, "Starts a membership."),
		processors.Of(VisitGym{"spa"}, "Lets the member in.").
			Rule("trimmed", "message.studio.trim() == message.studio",
				"A studio's name has no space at its ends."),
		processors.Of(EndMembership{"moved away"}, "Ends the membership."),
	},
	Events: []processors.Message{
		processors.Of(MembershipStarted{}, "There is a membership from now on."),
		processors.Of(GymVisited{}, "The member was there."),
		processors.Of(MembershipEnded{}, "The membership is over."),
	},
	FormerEvents: []processors.Former{
		processors.Upcast("MembershipStarted", func(e membershipStarted1) MembershipStarted {
			return MembershipStarted{Member: Member{Name: e.Name}, Plan: e.Plan}
		}),
	},
	Rejections: map[string]string{
		"running":     "The membership runs already.",
		"not-running": "There is no such membership, or it is over.",
	},
}

// fees are what a plan costs for a month.
var fees = map[string]int64{"basic": 1990, "premium": 3990}

func decide(ctx eventsourcing.Context, m Membership, command Command) ([]Event, error) {
	if _, starts := command.(StartMembership); starts != (m.Plan == "") {
		if starts {
			return nil, eventsourcing.Reject("running", "%s is a member already", m.Member.Name)
		}
		return nil, eventsourcing.Reject("not-running", "there is no membership %s", ctx.Subject)
	}
	switch c := command.(type) {
	case StartMembership:
		return []Event{MembershipStarted{c.Member, c.Plan, fees[c.Plan]}}, nil
	case VisitGym:
		return []Event{GymVisited(c)}, nil
	case EndMembership:
		return []Event{MembershipEnded(c)}, nil
	}
	return nil, fmt.Errorf("no decision for a %T", command)
}

func evolve(m Membership, recorded eventsourcing.Recorded[Event]) Membership {
	switch e := recorded.Event.(type) {
	case MembershipStarted:
		m.Member, m.Plan = e.Member, e.Plan
	case GymVisited:
		m.Visits++
	case MembershipEnded:
		m.Plan = ""
	}
	return m
}
