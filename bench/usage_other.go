//go:build !linux

package bench

import "time"

// peakMemory returns 0: the system does not say.
func peakMemory(int) int64 { return 0 }

// processorTime returns 0: the system does not say.
func processorTime(int) time.Duration { return 0 }

// FamilyTime returns 0: the system does not say.
func FamilyTime(int) time.Duration { return 0 }
