package report

// Subject is what is compared.
type Subject struct{ Name, Title, Settings string }

// The names of the subjects.
const (
	Franz           = "franz"
	Goka            = "goka"
	Engine          = "engine"
	StreamsCount    = "streams-count"
	StreamsCountLow = "streams-count-10ms"
	Commanded       = "accounts-without-reads"
	Accounts        = "accounts"
	Orders          = "orders"
	StreamsAccounts = "streams-accounts"
	StreamsLow      = "streams-accounts-10ms"
	Project         = "project"
	Sink            = "jdbc-sink"
	Copy            = "copy"
)

// low sets Kafka Streams to its best latency.
const low = "As the one above, for latency: `commit.interval.ms=10`, `linger.ms=0`, `fetch.max.wait.ms=10`."

// Subjects are all subjects, in the order of tables.
var Subjects = []Subject{
	{
		Franz, "bare franz-go",
		"One client, one transactional producer, counts in a Go map, no restore. A transaction takes what " +
			"has come: 20,000 records at most, and 5 ms after the last one at the earliest.",
	},
	{
		Goka, "Goka as it ships",
		"Sarama, LevelDB. Not exactly once. Two settings are not as shipped: it begins at the oldest " +
			"offset, and hashes keys by murmur2.",
	},
	{
		Engine, "Refold's engine",
		"`exactlyonce` with its defaults under a Goka graph, string codecs, the table in memory.",
	},
	{
		StreamsCount, "Kafka Streams, 100 ms",
		"`exactly_once_v2`, `commit.interval.ms=100` (the default), a thread for each core, RocksDB with a " +
			"changelog, record cache of 64 MiB, one block cache of 128 MiB for all stores, " +
			"`linger.ms=100`, `batch.size=256KiB`, snappy, `max.poll.records=4000`. JVM: `-Xms512m " +
			"-Xmx512m -XX:+UseParallelGC`.",
	},
	{StreamsCountLow, "Kafka Streams, 10 ms", low},
	{Commanded, "accounts, without reads", "`processor run` with `views.enabled: false`, else by default."},
	{Accounts, "**accounts, as shipped**", "`processor run`, all defaults."},
	{
		StreamsAccounts, "**accounts on Kafka Streams**",
		"The same work, by `bench/peers/kafka-streams`: Avro in the Confluent wire format (specific " +
			"records with custom coders), CloudEvents headers, 16 recent command IDs in each row, " +
			"interactive queries over HTTP. Set as the bare one at 100 ms.",
	},
	{StreamsLow, "… at its best latency", low},
	{
		Orders, "orders with payments",
		"`processor run`, all defaults. One order is three commands: the order is placed, the account is " +
			"charged, the payment is recorded. Counted are orders.",
	},
	{
		Project, "**processor project**",
		"All defaults, one process. It folds the events; a batch is one transaction with rows, states and " +
			"progress, exactly once. PostgreSQL with the settings that it comes with.",
	},
	{
		Sink, "Kafka Connect, JDBC sink",
		"Debezium's JDBC sink in Kafka Connect, standalone, at least once, without folding: a topic has " +
			"the finished rows, as JSON with one schema for all. Upserts by key, " +
			"`dialect.postgres.unnest.insert.enabled`, `batch.size=5000`, `max.poll.records=5000`, " +
			"`tasks.max=2`, `reWriteBatchedInserts`. JVM as Kafka Streams'.",
	},
	{
		Copy, "COPY",
		"The same rows from a file, by one connection, into a table with the same key and index; 50,000 " +
			"rows in each COPY. It folds nothing, and can't repeat or update: the limit.",
	},
}

// Title returns how tables call a subject.
func Title(name string) string {
	if i := place(name); i >= 0 {
		return Subjects[i].Title
	}
	return name
}
