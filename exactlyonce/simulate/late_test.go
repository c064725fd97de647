package simulate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// lateEnds is how many schedules are tried; without the protection, about one in seven breaks a promise.
const lateEnds = 24

// lateEnd makes a schedule in which the end of a transaction arrives when its worker has long sent it anew,
// on another connection, and is in the middle of another transaction of the same producer. With
// transaction.version 1 the end commits what is there:
//
//  1. A producer sends EndTxn no. n, which is held for longer than the client waits for an answer.
//  2. The client sends it again, and the transaction is committed. The other producer's turn comes, and is
//     committed, too.
//  3. The first producer is in its next transaction: its records are there, its offsets are held.
//  4. What was held in step 1 arrives, and commits the records without the offsets.
func lateEnd(seed uint64) *schedule {
	r := rand.New(rand.NewPCG(seed, 0))
	seconds := func(least, most float64) time.Duration {
		return time.Duration((least + (most-least)*r.Float64()) * float64(time.Second))
	}
	s := newSchedule(seed)
	s.transaction, s.standbys = 1, false
	worker, n := r.IntN(len(s.workers)), 1+r.IntN(5)
	s.faults = []fault{
		{
			number: 0, kind: requestHeld, worker: worker, key: kmsg.EndTxn, nth: n,
			lasts: requestTimeout + seconds(0.3, 2),
		},
		{
			number: 1, kind: requestHeld, worker: worker, key: kmsg.TxnOffsetCommit, nth: n + 2,
			lasts: seconds(1, 5),
		},
	}
	return s
}

// G3: a producer of which an end was not answered is used no more, so the end that arrives late finds no
// transaction to commit. TestFaultyLateEnd uses it on.
func TestLateEnd(t *testing.T) {
	for seed := range uint64(lateEnds) {
		if v := run(t, lateEnd(seed)); len(v.breaches) > 0 {
			t.Fatal(lateEnd(seed), v)
		}
	}
}
