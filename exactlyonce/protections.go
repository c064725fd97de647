//go:build !faulty

package exactlyonce

// What keeps the promises, as constants: the compiler removes every way around them. A build with
// the tag "faulty" can switch one off, to prove that the simulator and the chaos run would notice;
// see protections_faulty.go.
const (
	// fencing: offsets are committed as a member of a generation, and a batch whose partitions are
	// lost is given up (G5).
	fencing = true
	// offsetsInside: the offsets of a batch are part of its transaction (G3).
	offsetsInside = true
	// rowsAfter: rows join the local store after their transaction has committed, never before (G6).
	rowsAfter = true
	// topicsFit: nothing is handled by a topic that is not the one it was (Config.Fit).
	topicsFit = true
	// startCommitted: where a group begins is committed before anything is handled (StartNewest).
	startCommitted = true
	// leased: a worker serves reads only while its group certainly counts it as a member (Session.Holds).
	leased = true
	// endsAnswered: a producer of which an end was not answered is used no more (unanswered.go).
	endsAnswered = true
)
