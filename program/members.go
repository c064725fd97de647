package program

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// stableWait is how long a command waits for a group that is being rebalanced to say who is in it;
// stablePause is how often it asks.
const (
	stableWait  = 10 * time.Second
	stablePause = 200 * time.Millisecond
)

// settledMembers returns the members of a group, once it is not being rebalanced any more.
func settledMembers(
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
