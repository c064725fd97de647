package machine

// Verb is a thing to do.
type Verb int

const (
	// SetUp: set up Goka's session for the latest assignment, then report SetUp.
	SetUp Verb = iota
	// Begin: Goka's session runs. Start what goes with it.
	Begin
	// Poll: fetch at most Limit records, then report Polled or Strayed.
	Poll
	// Take: fetch at most Limit records of those that have come already, then report as after Poll.
	Take
	// CancelPoll: make the poll return.
	CancelPoll
	// Dispatch: hand the records of the poll to Goka, then report Handled.
	Dispatch
	// CloseBatch: close the open batch and commit it, with Offsets, by Producer. Then report how the
	// transaction ended. Records and Bytes are the size of the batch.
	CloseBatch
	// Rewind: drop uncommitted rows and records, and read on from Offsets.
	Rewind
	// StartGap: report GapElapsed after the least gap.
	StartGap
	// StartRest: report RestElapsed after a pause that grows with Failures.
	StartRest
	// StartBound: report BoundElapsed after the bound for leaving. Again: it has elapsed before.
	StartBound
	// Forsake: keep the transaction from committing, if that is still possible.
	Forsake
	// Release: stop Goka's session and clean it up, then report CleanedUp.
	Release
	// LetGo: let the rebalance go on.
	LetGo
	// End: the run is over, for Reason and Err.
	End
	// GiveTurn: give the first caller of Session.Between its turn, then report BetweenDone.
	GiveTurn
	// CommitRows: commit the rows of that caller by Producer, then report how the transaction ended.
	// Offsets are committed already; its partition's are committed again.
	CommitRows
	// DismissCallers: tell all callers of Session.Between that the session has ended.
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
