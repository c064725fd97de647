package operator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// stableWait limits how long Members waits for the end of a rebalance; stablePause is between two
// questions.
const (
	stableWait  = 10 * time.Second
	stablePause = 200 * time.Millisecond
)

// Members returns the members of a group, once it is not being rebalanced any more.
func Members(
	ctx context.Context, client *kgo.Client, group string,
) ([]kafka.Member, error) {
	ctx, cancel := context.WithTimeout(ctx, stableWait)
	defer cancel()
	admin := kadm.NewClient(client)
	members, err := kafka.Members(ctx, admin, group)
	for errors.Is(err, kafka.ErrRebalancing) && kafka.Sleep(ctx, stablePause) {
		members, err = kafka.Members(ctx, admin, group)
	}
	return members, err
}

// HostOf returns the host of a member. Brokers write /10.0.0.7, others 10.0.0.7:51234.
func HostOf(text string) string {
	text = strings.TrimPrefix(text, "/")
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return text
}

// MembersError says that a group has members, which must be stopped first.
type MembersError struct {
	Group   string
	Members []kafka.Member
}

// Error names the group.
func (e *MembersError) Error() string {
	return fmt.Sprintf("the group %s has %d members", e.Group, len(e.Members))
}
