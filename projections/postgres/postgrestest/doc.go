//go:build system

// Package postgrestest runs a PostgreSQL server for tests, of Debian's package postgresql. It needs the build
// tag system.
package postgrestest
