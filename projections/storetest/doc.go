// Package storetest holds a [projections.Store] to what it promises. The test of a store calls it once:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) projections.Store { return openStore(t) })
//	}
//
// All tests make projections and tables with names of their own, so they may share a database. A store that
// can't keep a promise names it: see [Lack].
//
// [Careless] is the twin of a store that writes rows and progress in two steps. It shows the damage that the
// one step prevents.
package storetest
