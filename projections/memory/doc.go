// Package memory keeps projections in memory: the reference that other stores are held to, and what tests and
// verification fold into. What it has is gone with its process.
package memory
