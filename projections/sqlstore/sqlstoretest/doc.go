// Package sqlstoretest holds stores in databases to what they promise beyond [projections.Store]: migrations,
// names, views. The test of a store calls [Run] once.
package sqlstoretest
