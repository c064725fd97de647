//go:build !faulty

package sqlstore

// progressInside: the progress of a batch is compared and moved in the transaction of its rows (G12). A build
// with the tag "faulty" can switch it off; see protections_faulty.go.
const progressInside = true
