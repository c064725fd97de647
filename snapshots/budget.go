package snapshots

// How the databases share memory.
const (
	// memTables is how many memtables' worth of writes may be in memory before writes wait for the
	// disk: one that is written, and one on its way to the disk.
	memTables = 2
	// leastMemTable is below what is worth a file of its own.
	leastMemTable = 128 << 10
	// mergeBytes is how much a store gathers in unsorted files before they are merged into the first
	// sorted level, which is kept to twice that: a merge writes what it meets there anew.
	mergeBytes = 8 << 20
	// mostRuns is how many unsorted files at most a read has to look into, the filters of most.
	mostRuns = l0Stop / 2
)

// memTable is the size of a memtable: memTables of each store take no more than half of the memory
// that all stores have together.
func (o *Options) memTable() uint64 {
	share := o.CacheBytes / 2 / memTables / int64(max(o.Stores, 1))
	return uint64(min(max(share, leastMemTable), o.MemTableBytes))
}

// mergeRuns is how many runs of unsorted files are merged at a time.
func (d *disk) mergeRuns() int { return min(max(mergeBytes/int(d.memTable), 2), mostRuns) }
