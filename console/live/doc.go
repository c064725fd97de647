// Package live shows what happens now: commands, events, results and dead letters, filtered, as they come.
package live
