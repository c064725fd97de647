// Package runbooks has the runbooks as they stand here, for the console: who looks at night need not have the
// repository.
package runbooks
