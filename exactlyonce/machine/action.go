package machine

// Verb is a thing to do. The methods of Machine report that it was done.
type Verb int

const (
	// SetUp sets up Goka's session for the latest assignment. Then report SetUp.
	SetUp Verb = iota
	// Begin starts what runs beside Goka's session, which has been set up.
	Begin
	// Poll fetches at most Limit records. Then report Polled or Strayed.
	Poll
	// Take fetches at most Limit records of those that have come already. Then report as after Poll.
	Take
	// CancelPoll makes the poll return.
	CancelPoll
	// Dispatch hands the records of the poll to Goka. Then report Handled.
	Dispatch
	// CloseBatch closes the open batch and commits it, with Offsets, by Producer. Then report how the
	// transaction ended. Records and Bytes are the size of the batch.
	CloseBatch
	// Rewind drops uncommitted rows and records, and has the consumer read on from Offsets.
	Rewind
	// StartGap starts the least gap between two transactions. Then report GapElapsed.
	StartGap
	// StartRest starts a pause that grows with Failures. Then report RestElapsed.
	StartRest
	// StartBound starts the bound for leaving; Again: it has elapsed before. Then report BoundElapsed.
	StartBound
	// Forsake keeps the transaction from committing, if that is still possible.
	Forsake
	// Release stops Goka's session and cleans it up. Then report CleanedUp.
	Release
	// LetGo lets the rebalance go on.
	LetGo
	// End ends the run, for Reason and Err.
	End
	// GiveTurn gives the first caller of Session.Between its turn. Then report BetweenDone.
	GiveTurn
	// CommitRows commits the rows of that caller by Producer. Then report how the transaction ended. It
	// also commits the offsets of the rows' partition as they are; Offsets has them.
	CommitRows
	// DismissCallers tells all callers of Session.Between that the session has ended.
	DismissCallers
)

// Action is a verb with its arguments. Fields that the verb does not name are zero. P is a Machine's.
type Action[P comparable] struct {
	Do       Verb
	Limit    int
	Producer int
	Records  int
	Bytes    int
	Offsets  map[P]int64 // the next offset to read of each partition; not to be changed
	Failures int         // in a row
	Again    bool
	Reason   Reason
	Err      error
}
