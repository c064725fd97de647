package processors

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"refold/codecs/rules"
	"refold/eventsourcing"
)

// Rule holds all values of the type to a rule: an expression in CEL over its fields, named as in the schema,
// that must be true, such as
//
//	processors.Of(DepositMoney{…}, "…").Rule("amount-positive", "message.amount > 0", "At least 1 cent.")
//
// The name is stable, the message tells a sender what would be right. A command that breaks a rule is
// rejected with [eventsourcing.CodeRuleViolated] before Decide is asked; the HTTP API and "send" refuse it
// before it is sent. An event that breaks one is a bug of Decide, and its command a dead letter. Nothing is
// checked when history is read: a rule may be tightened at any time.
//
// The rules are in the record's schema, as its property "rules", if the schema is made of the struct; a
// .proto file does not have them. Package codecs/rules says which types the fields have, and what the limits
// are. A rule costs a third of a microsecond or more for each value.
func (m Message) Rule(name, expr, message string) Message {
	all := append(slices.Clip(m.rules), rules.Rule{Name: name, Expr: expr, Message: message})
	goType := m.recordType()
	m.rules = all
	m.compiled = sync.OnceValues(func() (*rules.Set, error) { return rules.Compile(goType, all) })
	return m
}

// recordType is the struct of the type's values: those of Protobuf are pointers.
func (m Message) recordType() reflect.Type {
	if m.goType.Kind() == reflect.Pointer {
		return m.goType.Elem()
	}
	return m.goType
}

// checkRules returns what is wrong with the rules. The example of a command must break none: it is sent as
// sample load.
func (m Message) checkRules(isCommand bool) error {
	if m.compiled == nil {
		return nil
	}
	set, err := m.compiled()
	if err != nil || !isCommand {
		return err //nolint:wrapcheck // it names the rule
	}
	if err := rules.Error(m.recordType().Name(), set.Check(m.example)); err != nil {
		return fmt.Errorf("its example: %w", err)
	}
	return nil
}

// ruled returns Decide behind the rules of commands, and before those of events; Decide itself if there are
// none.
func (a Aggregate[S, C, E]) ruled() func(eventsourcing.Context, S, C) ([]E, error) {
	if a.Decide == nil || !hasRules(a.Commands) && !hasRules(a.Events) {
		return a.Decide
	}
	commands, wrong := broken(a.Commands)
	events, wrongToo := broken(a.Events)
	if err := errors.Join(wrong, wrongToo); err != nil {
		// Open refuses the definition; a test may do without Open.
		return func(eventsourcing.Context, S, C) ([]E, error) { return nil, err }
	}
	return func(ctx eventsourcing.Context, state S, command C) ([]E, error) {
		if found := commands(command); len(found) > 0 {
			return nil, &eventsourcing.Rejection{
				Code:    eventsourcing.CodeRuleViolated,
				Message: rules.Text(eventsourcing.TypeName(command), found),
			}
		}
		decided, err := a.Decide(ctx, state, command)
		for i, event := range decided {
			if found := events(event); len(found) > 0 {
				return nil, fmt.Errorf("event %d of %d: %s", i+1, len(decided),
					rules.Text(eventsourcing.TypeName(event), found))
			}
		}
		return decided, err
	}
}

func hasRules(messages []Message) bool {
	return slices.ContainsFunc(messages, func(m Message) bool { return m.compiled != nil })
}

// broken returns which rules a value of one of the types breaks.
func broken(messages []Message) (func(v any) []rules.Violation, error) {
	sets := map[reflect.Type]*rules.Set{}
	for _, m := range messages {
		if m.compiled == nil {
			continue
		}
		set, err := m.compiled()
		if err != nil {
			return nil, fmt.Errorf("%v: %w", m.goType, err)
		}
		sets[m.recordType()], sets[reflect.PointerTo(m.recordType())] = set, set
	}
	return func(v any) []rules.Violation {
		if set := sets[reflect.TypeOf(v)]; set != nil {
			return set.Check(v)
		}
		return nil
	}, nil
}

// rulesOf returns the rules by the names of the types.
func rulesOf(messages []Message) map[string][]rules.Rule {
	all := map[string][]rules.Rule{}
	for _, m := range messages {
		if len(m.rules) > 0 {
			all[m.recordType().Name()] = m.rules
		}
	}
	return all
}

// rejections returns the codes with which the aggregate rejects, in their order.
func (a Aggregate[S, C, E]) rejections() []Rejection {
	meanings := maps.Clone(a.Rejections)
	if code := eventsourcing.CodeRuleViolated; hasRules(a.Commands) && meanings[code] == "" {
		if meanings == nil {
			meanings = map[string]string{}
		}
		meanings[code] = "The command breaks a rule of its schema; the message names it."
	}
	all := make([]Rejection, 0, len(meanings))
	for _, code := range slices.Sorted(maps.Keys(meanings)) {
		all = append(all, Rejection{code, meanings[code]})
	}
	return all
}
