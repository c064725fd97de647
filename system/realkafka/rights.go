//go:build system

package realkafka

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Right is something that a user may do.
type Right struct {
	// Operation is what it may do: Read, Write, or All that can be done.
	Operation Operation
	// Resource is what it is done to, and Name the resource's: of a TransactionalID the beginning of it.
	Resource Resource
	Name     string
}

// Operation is what is done to a resource.
type Operation string

// Resource is a kind of what rights are about.
type Resource string

// Operations and resources, in Kafka's words.
const (
	Read  Operation = "read"
	Write Operation = "write"
	All   Operation = "all"

	Topic           Resource = "topic"
	Group           Resource = "group"
	TransactionalID Resource = "transactional-id"
)

// String is what ParseRight reads, such as "read topic account-commands".
func (r Right) String() string { return fmt.Sprintf("%s %s %s", r.Operation, r.Resource, r.Name) }

// ParseRight reads a right: operation, resource and name, with spaces in between.
func ParseRight(text string) (Right, error) {
	words := strings.Fields(text)
	const parts = 3
	if len(words) != parts {
		return Right{}, fmt.Errorf("%q is no right: operation, resource and name are wanted", text)
	}
	r := Right{Operation(words[0]), Resource(words[1]), words[2]}
	_, err := r.denied("")
	return r, err
}

// Allow lets a user do everything that a client of topics does, until a right is taken from it.
func (a *Admin) Allow(ctx context.Context, user string) error {
	const everything = "*"
	rules := kadm.NewACLs().Allow("User:" + user).AllowHosts().Operations(kadm.OpAll).
		Topics(everything).Groups(everything).TransactionalIDs(everything).Clusters().
		ResourcePatternType(kadm.ACLPatternLiteral)
	return a.create(ctx, rules, user)
}

// Take takes a right from a user: the brokers refuse what it allowed, from a moment later on.
func (a *Admin) Take(ctx context.Context, user string, r Right) error {
	rule, err := r.denied(user)
	if err != nil {
		return err
	}
	return a.create(ctx, rule, r.String())
}

// GiveBack ends what Take has done. It may be called again.
func (a *Admin) GiveBack(ctx context.Context, user string, r Right) error {
	rule, err := r.denied(user)
	if err != nil {
		return err
	}
	deleted, err := a.kafka.DeleteACLs(ctx, rule)
	if err != nil {
		return fmt.Errorf("giving back %v: %w", r, err)
	}
	for _, one := range deleted {
		if one.Err != nil {
			return fmt.Errorf("giving back %v: %w", r, one.Err)
		}
	}
	return nil
}

// denied is the rule by which the right is taken. It wins over those that allow.
func (r Right) denied(user string) (*kadm.ACLBuilder, error) {
	rule := kadm.NewACLs().Deny("User:" + user).DenyHosts("*").
		ResourcePatternType(kadm.ACLPatternLiteral)
	switch r.Resource {
	case Topic:
		rule.Topics(r.Name)
	case Group:
		rule.Groups(r.Name)
	case TransactionalID:
		rule.TransactionalIDs(r.Name).ResourcePatternType(kadm.ACLPatternPrefixed)
	default:
		return nil, fmt.Errorf("%q is no resource of a right: topic, group or transactional-id", r.Resource)
	}
	operation, known := map[Operation]kadm.ACLOperation{
		Read: kadm.OpRead, Write: kadm.OpWrite, All: kadm.OpAll,
	}[r.Operation]
	if !known {
		return nil, fmt.Errorf("%q is no operation of a right: read, write or all", r.Operation)
	}
	rule.Operations(operation)
	return rule, nil
}

func (a *Admin) create(ctx context.Context, rules *kadm.ACLBuilder, what string) error {
	created, err := a.kafka.CreateACLs(ctx, rules)
	if err != nil {
		return fmt.Errorf("changing the rights of %s: %w", what, err)
	}
	for _, one := range created {
		if one.Err != nil {
			return fmt.Errorf("changing the rights of %s: %w", what, one.Err)
		}
	}
	return nil
}
