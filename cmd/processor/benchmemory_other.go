//go:build !linux

package main

// peakMemory returns 0: nobody knows.
func peakMemory(int) int64 { return 0 }
