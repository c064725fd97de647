package simulate_test

import (
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// right is something that workers may do, unless it is taken from them (an ACL that somebody has removed):
// the requests that need it are refused then, each as a broker does it.
type right int

const (
	readInput right = iota
	readTable
	writeOutput
	writeTable
	useGroup
	useTransactions
	rights
)

var rightNames = [rights]string{
	"read the input", "read the table", "write outputs", "write the table", "use the group",
	"use transactions",
}

func (r right) String() string { return rightNames[r] }

// refusals are what a broker refuses without the right. The load and the checker are somebody else, who
// keeps it: they write the input only, and ask where the group is.
func (r right) refusals() kfake.Fault {
	reading := []kmsg.Key{kmsg.Fetch, kmsg.OffsetCommit, kmsg.TxnOffsetCommit}
	writing := []kmsg.Key{kmsg.Produce, kmsg.AddPartitionsToTxn}
	switch r {
	case readInput:
		return kfake.Fault{Keys: reading, Topic: in, Err: kerr.TopicAuthorizationFailed}
	case readTable:
		return kfake.Fault{Keys: reading, Topic: table, Err: kerr.TopicAuthorizationFailed}
	case writeOutput:
		return kfake.Fault{Keys: writing, Topic: out, Err: kerr.TopicAuthorizationFailed}
	case writeTable:
		return kfake.Fault{Keys: writing, Topic: table, Err: kerr.TopicAuthorizationFailed}
	case useGroup:
		return kfake.Fault{
			Keys: []kmsg.Key{
				kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetCommit,
				kmsg.TxnOffsetCommit, kmsg.AddOffsetsToTxn,
			},
			Group: group, Err: kerr.GroupAuthorizationFailed,
		}
	case useTransactions:
		return kfake.Fault{
			Keys: []kmsg.Key{
				kmsg.InitProducerID, kmsg.Produce, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn,
				kmsg.TxnOffsetCommit, kmsg.EndTxn,
			},
			When: ours, Err: kerr.TransactionalIDAuthorizationFailed,
		}
	case rights:
	}
	panic("unreachable")
}

// forbid takes a right from all workers for a time. Brokers refuse without a word of how long.
func (s *simulation) forbid(f fault) {
	refusal := f.right.refusals()
	refusal.Count = -1 // until it is removed
	taken := s.cluster.Fault(refusal)
	time.AfterFunc(f.lasts, taken.Remove)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, taken)
}

// takeRights adds to every third schedule one or two times at which a right is taken.
func (s *schedule) takeRights(r *rand.Rand) {
	if r.IntN(3) > 0 {
		return
	}
	weights := make([]int, len(targets))
	for i, t := range targets {
		if s.transaction == 1 || !t.v1only {
			weights[i] = t.weight
		}
	}
	const most = 20 * time.Second
	for range 1 + r.IntN(2) {
		t := targets[weighted(r, weights)]
		s.faults = append(s.faults, fault{
			number: len(s.faults), kind: forbidden, worker: r.IntN(len(s.workers)), key: t.key,
			nth: 1 + r.IntN(t.most), lasts: time.Duration(r.Int64N(int64(most))),
			right: right(r.IntN(int(rights))),
		})
	}
}
