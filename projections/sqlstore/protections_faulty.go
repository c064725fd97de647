//go:build faulty

package sqlstore

import "os"

// progressInside is off with FAULTY=projections: rows are written by themselves, and states and progress in a
// transaction of their own behind it, as by a consumer that commits its offsets. Sums are doubled where a
// process ends between the two, or has lost its partition. Never for production.
var progressInside = os.Getenv("FAULTY") != "projections"
