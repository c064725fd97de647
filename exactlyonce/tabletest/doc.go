// Package tabletest checks implementations of exactlyonce.Table, as testing/fstest checks file
// systems: against an embedded cluster, through nothing but the interface.
package tabletest
