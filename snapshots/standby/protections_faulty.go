//go:build faulty

package standby

import "os"

// committedOnly is off with FAULTY=standbys: a standby also takes in rows of transactions that are aborted,
// and decides by them when it takes over. Never for production.
var committedOnly = os.Getenv("FAULTY") != "standbys"
