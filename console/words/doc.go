// Package words writes times, durations, amounts of money and counts as people read them. All functions are
// pure: the clock and the time zone are handed in.
package words
