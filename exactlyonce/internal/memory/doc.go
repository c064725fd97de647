// Package memory keeps tables in memory: the rows of each partition, restored from its topic when it is
// opened. It is what a Processor uses that is given no other stores.
package memory
