package exactlyonce

import (
	"fmt"
	"slices"
	"time"

	"refold/exactlyonce/internal/warm"
)

// standbys are the partitions that a session's worker follows.
type standbys []warm.Standby

func (s standbys) partitions() []int32 {
	all := make([]int32, len(s))
	for i := range s {
		all[i] = s[i].Partition
	}
	return all
}

// warming are those that the worker will own when it has caught up.
func (s standbys) warming() []int32 {
	var warming []int32
	for _, standby := range s {
		if standby.Warming {
			warming = append(warming, standby.Partition)
		}
	}
	return warming
}

// Follows returns the partitions that a member of a group of this package follows as a standby, by what its
// balancer has told it: kafka.Member.Given, the user data of its assignment.
func Follows(given []byte) ([]int32, error) {
	told, err := warm.DecodeStandbys(given)
	if err != nil {
		return nil, fmt.Errorf("read what a member follows: %w", err)
	}
	return standbys(told).partitions(), nil
}

// probePause is how often it is looked whether warm-ups have caught up. A look asks no broker.
const probePause = 250 * time.Millisecond

// probe has the group assign its partitions again when those that are warming up have caught up: each of
// these rebalances stops all members for a moment, so that it waits for the last, but no longer than
// Config.ProbingInterval if some have; and at least so long passes between two of this worker's.
func (r *run) probe(s *session, warming []int32) {
	if len(warming) == 0 {
		return
	}
	e, began := r.engine, time.Now()
	ticker := time.NewTicker(probePause)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
		}
		ready := slices.DeleteFunc(slices.Clone(warming), func(p int32) bool {
			lag := e.balancer.follower.Lag(p)
			return lag < 0 || lag > e.cfg.AcceptableLag
		})
		since := began
		if len(ready) == len(warming) {
			since = time.Time{} // nothing more is waited for
		}
		if last := e.probed.Load(); last != nil && last.After(since) {
			since = *last
		}
		if len(ready) > 0 && time.Since(since) >= e.cfg.ProbingInterval {
			now := time.Now()
			e.probed.Store(&now)
			e.log.Info("partitions have caught up here; the group is asked to move them",
				"partitions", ready, "warming", warming)
			r.consumer.ForceRebalance()
			return
		}
	}
}
