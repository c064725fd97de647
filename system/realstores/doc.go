//go:build system

// Package realstores starts the servers that projections are kept in, for tests against those that users run:
// a Redis or Valkey of this machine, and an OpenSearch that Maven fetches into the user's cache folder.
//
// They listen on free ports of the loopback interface, keep their data in a folder of the caller's, have no
// passwords, and die with the process that started them.
package realstores
