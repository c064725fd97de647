// Package bench measures a program against a real cluster: how fast a worker gets through commands, how late
// its results are, how fast it rebuilds a table, and how fast it restores one.
//
// It knows no aggregate: the commands are those of an aggregate's Traffic, and a past is made by handling
// them. What is measured runs in a process of its own, so that its processor time is its alone. [With] makes
// what a measurement needs and removes it; measurements return values, and print nothing.
package bench
