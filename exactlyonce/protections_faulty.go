//go:build faulty

package exactlyonce

import (
	"fmt"
	"os"
)

// The protections of protections.go, one of which FAULTY switches off: "fencing", "offsets",
// "rows", "topics", "start", "lease" or "ends"; "standbys" is one of package standby, and "projections" one
// of package sqlstore. Never for production:
// this build loses and doubles records, or reads old ones, and is meant to.
var (
	fencing, offsetsInside, rowsAfter, topicsFit = true, true, true, true
	startCommitted, leased, endsAnswered         = true, true, true
)

func init() {
	switch off := os.Getenv("FAULTY"); off {
	case "":
		return
	case "fencing":
		fencing = false
	case "offsets":
		offsetsInside = false
	case "rows":
		rowsAfter = false
	case "topics":
		topicsFit = false
	case "start":
		startCommitted = false
	case "lease":
		leased = false
	case "ends":
		endsAnswered = false
	case "standbys", "projections": // see packages standby and sqlstore
	default:
		panic(fmt.Sprintf(
			"FAULTY is %q; it may be fencing, offsets, rows, topics, start, lease, ends, standbys or "+
				"projections", off))
	}
	fmt.Fprintf(os.Stderr, "FAULTY=%s: a protection is off; "+
		"records will be lost or doubled, or old ones read\n", os.Getenv("FAULTY"))
}
