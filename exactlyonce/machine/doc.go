// Package machine decides what a worker does next. It is pure: its methods report what happened, and each
// returns the actions to take, in order. It has no clock, no client and no goroutine. Package exactlyonce
// carries the actions out; one goroutine at a time uses a Machine.
//
// # What there is at most one of
//
// At any time there is at most one poll, one set of records with Goka's callbacks, one open batch (what was
// handled since the last batch was closed) and one transaction. So layers of table rows commit in order by
// construction.
//
// # State
//
// The state has six parts. Each is a named type in state.go, and changes as follows.
//
// The session of Goka:
//
//	idle ──Assigned──▶ settingUp ──SetUp(nil)──▶ running
//	 ▲                     │                        │
//	 │                     └──── Release ───────────┤  a reason to leave (leave.go)
//	 └────CleanedUp──── ending ◀────────────────────┘
//
// The poll:
//
//	from          action       to              ends with
//	pollNone      Poll         pollWaiting     Polled, Strayed
//	pollNone      Take         pollTaking      Polled, Strayed; returns at once
//	pollWaiting   CancelPoll   pollCancelled   Polled, Strayed
//
// The turn says who writes to the tables:
//
//	turnFree ──Dispatch──▶ turnCallbacks ──Handled──▶ turnFree
//	turnFree ──GiveTurn──▶ turnCaller ──BetweenDone, DismissCallers──▶ turnFree
//
// The transaction:
//
//	txnNone ──CloseBatch──▶ txnBatch ──Transaction…──▶ txnNone
//	txnNone ──CommitRows──▶ txnRows  ──Transaction…──▶ txnNone
//
// A transaction that is still under way when its session is released becomes an orphan: its outcome says
// nothing about the next session. Nothing is polled while a transaction of rows is under way.
//
// The recovery from an aborted transaction, or from a batch that was given up:
//
//	recoveryNone ──TransactionAborted, Interrupt──▶ recoveryDue    nothing new is begun
//	recoveryDue ──Rewind, once nothing is in hand──▶ recoveryRest  a pause
//	recoveryRest ──RestElapsed──▶ recoveryNone
//
// The rebalance:
//
//	rebalanceNone ──Revoked, Lost──▶ rebalanceWaits ──LetGo──▶ rebalanceNone
//	rebalanceNone ──Assigned, while a session is left──▶ rebalanceAssigned ──SetUp──▶ rebalanceNone
//
// Release ends what belongs to the session: the turn, the recovery and the open batch.
//
// Beside these, a reason to leave counts (reason.go): the greatest one that was given since the last
// session, and whether what is in hand is finished or dropped.
package machine
