// Package tabletest checks implementations of exactlyonce.StagedTable, as testing/fstest checks file
// systems: against an embedded cluster, through nothing but the interface.
package tabletest
