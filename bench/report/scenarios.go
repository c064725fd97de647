package report

// Scenario is a kind of measurement.
type Scenario struct {
	Name, Title, Method string
	Columns             []Column
}

// Column is a figure of a scenario.
type Column struct {
	Name, Title string
	Decimals    int
}

// The names of the scenarios.
const (
	CPU        = "cpu"
	AtRate     = "latency"
	HTTP       = "http"
	Restore    = "restore"
	TakeOver   = "takeover"
	Rolling    = "rolling"
	KeysGrow   = "keys"
	Partitions = "partitions"
	Values     = "values"
	Pods       = "pods"
	ReadModels = "readmodels"
	Fill       = "fill"
	Beside     = "beside"
)

// The names of figures.
const (
	CPUPerMillion   = "cpuPerMillion"
	TotalCPU        = "totalCpuPerMillion"
	PerSecond       = "perSecond"
	P50             = "p50"
	P99             = "p99"
	P999            = "p999"
	Worst           = "worst"
	Seconds         = "seconds"
	CPUSeconds      = "cpuSeconds"
	TotalCPUSeconds = "totalCpuSeconds"
	PeakMiB         = "peakMiB"
	Longest         = "longestMs"
	MedianPartition = "medianPartitionMs"
	BestPartition   = "bestPartitionMs"
	DatabaseCPU     = "databaseCpuPerMillion"
	FileMiB         = "fileMiB"
)

var drained = []Column{
	{CPUPerMillion, "CPU s per million", 2},
	{PerSecond, "commands/s", 0},
	{PeakMiB, "MiB, peak", 0},
	{TotalCPU, "CPU s per million, of the whole process", 2},
}

var waits = []Column{
	{P50, "p50 ms", 1},
	{P99, "p99 ms", 1},
	{P999, "p99.9 ms", 1},
	{Worst, "worst ms", 0},
}

var disturbed = []Column{
	{Longest, "longest wait, worst partition, ms", 0},
	{MedianPartition, "median partition, ms", 0},
	{BestPartition, "best partition, ms", 0},
}

// Scenarios are all scenarios, in the order of the report.
var Scenarios = []Scenario{
	{CPU, "Processor time and saturation", `
All commands are in Kafka before the worker starts; it drains them. The first sixth of them warms up
compilers, caches and keys, and is not counted. Counting begins when those results are there. It ends when
the last result is there (commands/s), and when the process has come to rest (CPU: under 15 % of a core
for a second), so that a read side that catches up later counts. Broker, reader and worker share the
machine. The last column is of the whole process, with its start, its warm-up and its stop.`, drained},
	{AtRate, "Latency", `
An open loop: each command has a time at which it is due, fixed beforehand. Latency counts from then until
a read-committed consumer has the result, so a worker that stands still makes all commands late that are
due meanwhile. Before it counts, the worker handles 30,000 commands at 2,000/s.`, append(
		waits[:len(waits):len(waits)], Column{CPUPerMillion, "CPU s per million", 1},
		Column{PeakMiB, "MiB, peak", 0},
	)},
	{HTTP, "POST to answer", `
An open loop of POST /accounts/ID/commands with Prefer: wait, 100/s to 200 accounts, over connections that
are kept. Latency counts from when the request was due until its answer is there. The peer's handler sends
the command, and reads the results topic (read committed) to answer.`, waits},
	{Restore, "Restore of a table", `
The same table topic (1,000,000 accounts, four events each), onto an empty disk. Time and CPU count from
the begin of the restore; the start of the JVM and the join of the group do not.`, []Column{
		{Seconds, "s", 2},
		{CPUSeconds, "CPU s", 2},
		{TotalCPUSeconds, "CPU s of the process", 2},
		{PeakMiB, "MiB, peak", 0},
	}},
	{TakeOver, "Take-over after kill -9", `
Two workers, 100,000 accounts, 500 commands/s to 8 partitions; one worker is killed. The figures are the
longest time that a command had to wait, by its partition. Session time-outs are 6 s for both; the peer
has one standby of each task.`, disturbed},
	{Rolling, "Rolling restart", `
Two workers as above. One is stopped by SIGTERM and started again, 15 s later the other. The peer leaves
the group when it stops, and has one standby of each task.`, disturbed},
	{KeysGrow, "Growth with keys", `
Drained as above. Each key gets one command, which is not counted. Then 200,000 go to keys that are drawn:
each as likely, or few much likelier (Zipf, exponent 1.1). Merges of the store that the first commands have
left to do fall into what is counted; the last column is of all commands.`, drained},
	{Values, "Growth with values", `
The bare work, drained as above. Values of so many bytes come in and go out; they don't
compress well.`, drained},
	{Pods, "Growth with pods", `
2,000 commands/s to 8 partitions. CPU and memory are the sum of all pods.`, []Column{
		{CPUPerMillion, "CPU s per million", 1},
		{P99, "p99 ms", 1},
		{PeakMiB, "MiB, peak, all", 0},
	}},
	{ReadModels, "Read models", `
The events of 20,000 accounts, which take turns, are in Kafka before anything starts: half of them deposits,
the others withdrawals and charges. account_statement makes a line of each booking, and adds to the row of
its month; accounts_current has one row for each account. The sink and COPY get the finished lines, in the
order of their events. What comes first, a sixth, is not counted. It ends when readers see the tables, with
their indexes, and the rows are compared. Database and broker share the machine. CPU is that of the program,
and beside it that of the database's processes, which wait for the disk as they do by default (fsync).
`, []Column{
		{PerSecond, "events/s", 0},
		{CPUPerMillion, "CPU s per million", 2},
		{DatabaseCPU, "CPU s per million, database", 2},
		{PeakMiB, "MiB, peak", 0},
	}},
	{Fill, "Filling a read model from all events", `
10,000,000 events of 100,000 accounts, which take turns: the worst that a table by account can get. The time
is that from the start of the process until readers see the tables of an empty database filled.`, []Column{
		{Seconds, "s", 0},
		{PerSecond, "events/s", 0},
		{CPUPerMillion, "CPU s per million", 2},
		{PeakMiB, "MiB, peak", 0},
		{FileMiB, "MiB of the file", 0},
	}},
	{Beside, "Commands beside read models", `
What a worker's own commands lose if the same process fills the six read models in SQLite, with the defaults
that ship: drained and at a rate, as above. Read models that are behind go on after the last command, which
counts as processor time.`, append(
		waits[:2:2], Column{PerSecond, "commands/s", 0}, Column{CPUPerMillion, "CPU s per million", 1},
	)},
	// The last one: the broker needs a while to forget thousands of partitions.
	{Partitions, "Growth with partitions", `
Drained as above, by one worker.`, drained},
}
