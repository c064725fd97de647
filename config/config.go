package config

import (
	"time"

	"refold/kafka"
)

// Config is the effective configuration. Zero values don't mean defaults here: [Load] has filled
// everything in and checked it.
//
// Tags: key is the name in the file, help says what it is and why the default is what it is. A field
// whose key is "-" is not an option; the options of a struct with ",inline" are its section's.
// min, max and oneof are what is allowed. A least value of zero is for options of which zero means
// zero: the packages below take it for "not set" where it would make no sense.
type Config struct {
	Kafka     kafka.Settings `key:"kafka"`
	Registry  Registry       `key:"registry"`
	Topics    Topics         `key:"topics"`
	Processor Processor      `key:"processor"`
	// Aggregates are the settings of each aggregate, by its name: those that [NewOptions] was given.
	Aggregates map[string]*Aggregate
	Store      Store      `key:"store"`
	Rebuild    Rebuild    `key:"rebuild"`
	Verify     Verify     `key:"verify"`
	Views      Views      `key:"views"`
	HTTP       HTTP       `key:"http"`
	Tracing    Tracing    `key:"tracing"`
	Log        Log        `key:"log"`
	Load       SampleLoad `key:"load"`
}

// Registry is the schema registry.
type Registry struct {
	URLs         []string      `key:"urls" default:"http://localhost:8081" help:"Base URLs of one registry's servers. Apicurio: http://host:8080/apis/ccompat/v7."`
	Mode         string        `key:"mode" default:"lookup" oneof:"lookup|register" help:"lookup: schemas must be registered already (production). register: missing ones are registered at start."`
	Username     string        `key:"username" help:"Basic authentication; empty: none."`
	Password     Secret        `key:"password" help:"Basic authentication. From the environment or the file, never a flag."`
	PasswordFile string        `key:"password-file" help:"File with the password."`
	CAFile       string        `key:"ca-file" help:"Authorities that we trust with https (PEM); empty: the system's."`
	Timeout      time.Duration `key:"timeout" default:"5s" min:"10ms" max:"1m" help:"Limit of one request. A registry answers within milliseconds."`
	RetryLimit   time.Duration `key:"retry-limit" default:"20s" min:"100ms" max:"10m" help:"How long a record whose schema is unknown waits for a registry that is away, while all of the worker's partitions of the group do. Then its partition alone is held, until there is an answer."`
	RefusedAfter time.Duration `key:"refused-after" default:"15m" min:"1ms" max:"8760h" help:"How long the registry may refuse a single schema ID, or fail to answer for it, while it answers for others, before records of that ID are dead letters (refused-schema). Until then their partitions are held. It takes somebody who is called less to give a right back. A registry that answers for nothing is waited for as long as it takes."`
}

// Topics says what topics are like when we make them.
type Topics struct {
	Prefix              string        `key:"prefix" help:"Put in front of the names of all topics and groups. Keeps installations that share a cluster apart."`
	Create              bool          `key:"create" default:"true" help:"Make topics at start that the installation never had. Existing ones are never changed; differences are logged. One that the installation had and that is missing is lost, and never made anew: see topics adopt."`
	CheckInterval       time.Duration `key:"check-interval" default:"10s" min:"10ms" max:"10m" help:"How often a running worker looks whether topics are those that it knows, fit together, and have as many partitions as they had: some ten small requests for each group. What was deleted is noticed after that time at the latest."`
	Partitions          int           `key:"partitions" default:"8" min:"1" max:"10000" help:"Of every aggregate's topics. Can't be changed later without moving keys; the most workers that can share the work."`
	ReplicationFactor   int           `key:"replication-factor" default:"3" min:"1" max:"100" help:"Copies of each partition."`
	CommandsRetention   time.Duration `key:"commands-retention" default:"168h" min:"1m" help:"How long commands are kept, and known by ID."`
	ResultsRetention    time.Duration `key:"results-retention" default:"168h" min:"1m" help:"How long results are kept, and found by command ID."`
	RecordBytes         Bytes         `key:"record-bytes" default:"960KiB" min:"4KiB" max:"16MiB" help:"The largest record, key and headers included. A larger command, and one that leads to a larger event, result or row, becomes a dead letter (too-large). As it comes, it is just below what brokers take (max.message.bytes, 1048588); of topics that exist already that has to be raised first. Never lower it: what is larger already could not be read any more."`
	DeadLetterRetention time.Duration `key:"dead-letter-retention" default:"720h" min:"1m" help:"How long dead letters are kept: long enough for somebody to look."`
}

// Processor limits the engine.
type Processor struct {
	TransactionalID string        `key:"transactional-id" help:"This worker's own name for its transactions; two workers with the same one fence each other. Set it to the pod's name in a stateful set: a restart then ends at once what was left open. Empty: a new one with every start."`
	BatchRecords    int           `key:"batch-records" default:"20000" min:"1" max:"1000000" help:"The most records in one transaction. Larger ones take over a second to commit and are no cheaper."`
	BatchBytes      Bytes         `key:"batch-bytes" default:"32MiB" min:"1KiB" max:"1GiB" help:"The most bytes taken in and given out by one transaction, keys, headers and deleted rows included; up to two are in memory. At least twice topics.record-bytes."`
	FetchBytes      Bytes         `key:"fetch-bytes" default:"2MiB" min:"16KiB" max:"100MiB" help:"How much each broker may send ahead of what is handled, to each of the groups, compressed as it is. Small records take ten to twenty times that in memory."`
	LeastGap        time.Duration `key:"least-gap" default:"5ms" min:"10us" max:"10s" help:"Least time between the starts of two transactions. Less costs the brokers CPU, more only adds latency."`
	Producers       int           `key:"producers" default:"2" min:"1" max:"16" help:"Transactional producers that take turns."`
	LeaveTimeout    time.Duration `key:"leave-timeout" default:"3s" min:"100ms" max:"5m" help:"How long a rebalance or a stop waits for what is in hand; a stop at worst three times."`
	PoisonShare     float64       `key:"poison-share" default:"0.5" min:"0" max:"1" help:"The share of the last poison-window records of a partition that may be poison. With more, the partition is held until the worker is restarted: a wrong deployment must not set a whole topic aside. Half: a topic of which most can't be read is not what this worker was made for. 0 or 1: no limit."`
	PoisonWindow    int           `key:"poison-window" default:"1000" min:"1" max:"1000000" help:"Of how many records of a partition the share of poison is taken: enough that a burst of bad records among good ones holds nothing. One byte each."`
	PoisonLeast     int           `key:"poison-least" default:"20" min:"1" max:"1000000" help:"Fewer records than that, as after a start, say nothing about their share: a few bad ones among the first are no wrong deployment."`
	StallAfter      time.Duration `key:"stall-after" default:"1m" min:"10ms" max:"24h" help:"How long something may lie in an input partition, or in a topic of the views, of which nothing is committed or taken in, before /readyz is red. A rebalance, the end of a dead worker's transaction and a broker's restart take less, and whoever waits for a command has given up by then."`
	MemoryBytes     Bytes         `key:"memory-bytes" default:"512MiB" min:"64MiB" max:"1TiB" help:"What the process's resident memory, caches of the stores included, stays below; when what is in use comes near it, collecting garbage costs more and more. Set it to some 80% of the pod's limit. GOMEMLIMIT overrides it."`
	BackoffMin      time.Duration `key:"backoff-min" default:"50ms" min:"1ms" max:"1m" help:"Pause before the first retry after a fault; doubles each time."`
	BackoffMax      time.Duration `key:"backoff-max" default:"10s" min:"1ms" max:"10m" help:"The longest pause between retries."`
}

// Aggregate is what may differ from one aggregate to the other.
type Aggregate struct {
	RecentCommands    int           `key:"recent-commands" default:"16" min:"0" max:"1024" help:"How many commands a row remembers, so that one that is sent twice is decided once. Each costs some 24 bytes of every row."`
	CommandsRetention time.Duration `key:"commands-retention" default:"0s" min:"0s" max:"876000h" help:"How long commands are kept, and known by ID. 0s: as topics.commands-retention says."`
	EventsRetention   time.Duration `key:"events-retention" default:"0s" min:"0s" max:"876000h" help:"How long events are kept. 0s: for ever. With a limit, the table can't be rebuilt, reset or verified any more once events are gone, and histories reach back only so far."`
	ResultsRetention  time.Duration `key:"results-retention" default:"0s" min:"0s" max:"876000h" help:"How long results are kept, and found by command ID. 0s: as topics.results-retention says."`
	Results           bool          `key:"results" default:"true" help:"Write the result of each command to a topic, where its sender waits for it. false: senders hear nothing, and a tenth of the work is saved; no process may wait for them."`
	History           bool          `key:"history" default:"true" help:"Keep the histories of this aggregate in views, as views.history says for all."`
	Traces            bool          `key:"traces" default:"true" help:"Keep the messages of this aggregate in the index of traces, as views.traces says for all."`
}

// Store is where local copies of tables are.
type Store struct {
	Directory      string `key:"directory" default:".refold" help:"Local stores; one worker at a time. Losing it costs a restore, nothing else. Empty: in memory, restored with every start."`
	CacheBytes     Bytes  `key:"cache-bytes" default:"128MiB" min:"1MiB" max:"1TiB" help:"Memory of all stores together: what is not on the disk yet, up to half of it, and blocks of their files."`
	RowCacheBytes  Bytes  `key:"row-cache-bytes" default:"64MiB" min:"0B" max:"1TiB" help:"Cache of rows in front of the stores: a row from it costs 0.1 µs instead of 4."`
	OpenFiles      int    `key:"open-files" default:"600" min:"48" max:"1000000" help:"How many data files all stores together keep open; merges open some more for a moment. Each store has some seven others open, and there is one for each partition of each aggregate's table, and of each topic of the views."`
	ViewCacheBytes Bytes  `key:"view-cache-bytes" default:"64MiB" min:"1MiB" max:"1TiB" help:"The same, of the views' stores."`
}

// Rebuild limits the folding of a table anew, in the background (processor rebuild).
type Rebuild struct {
	AtStart         bool          `key:"at-start" default:"false" help:"Ask for a rebuild when the worker finds rows of an older fold version than its own. false: it only says so."`
	EventsPerSecond int           `key:"events-per-second" default:"0" min:"0" max:"100000000" help:"The most events that this worker folds anew in a second; it folds one partition at a time. 0: no limit but cpu-share."`
	CPUShare        float64       `key:"cpu-share" default:"0.25" min:"0.01" max:"1" help:"Which part of its time the background works; it rests in between, for the sake of live commands. A quarter of a core folds some 60,000 events a second."`
	CacheBytes      Bytes         `key:"cache-bytes" default:"64MiB" min:"1MiB" max:"1TiB" help:"Memory of a rebuild while one goes on, in addition to the stores'. The rest is on the disk (store.directory), some 100 bytes an aggregate."`
	StepRows        int           `key:"step-rows" default:"1000" min:"1" max:"1000000" help:"The most rows that are compared and written between two transactions, while the partition's commands wait: some 30 µs each."`
	StepTimeout     time.Duration `key:"step-timeout" default:"2s" min:"10ms" max:"1m" help:"The longest that such a step may hold up commands; it is tried again."`
	Samples         int           `key:"samples" default:"5" min:"0" max:"100" help:"How many differing rows of each partition a dry run shows, field by field."`
	Report          time.Duration `key:"report" default:"1s" min:"10ms" max:"1m" help:"How often the progress of a partition is written to the topic of rebuilds."`
	Retry           time.Duration `key:"retry" default:"5s" min:"10ms" max:"10m" help:"The pause before a rebuild that met a fault, or workers of another fold version, is tried again."`
}

// Verify is the check in the background: rows of the worker's stores against a fold of their events.
type Verify struct {
	EventsPerSecond int           `key:"events-per-second" default:"0" min:"0" max:"100000000" help:"How many events a second this worker folds anew, partition by partition and again and again, to compare its rows with. 0: none, because it reads all events ever written from the brokers; 1000 cost less than a hundredth of a core, and go through ten million in three hours."`
	Pause           time.Duration `key:"pause" default:"1h" min:"10ms" max:"8760h" help:"Between two rounds through the worker's partitions, and after a partition that could not be verified."`
	CacheBytes      Bytes         `key:"cache-bytes" default:"16MiB" min:"1MiB" max:"1TiB" help:"Memory of the check; the rest is on the disk (store.directory)."`
}

// Views are the local copies that the HTTP API reads.
type Views struct {
	Enabled        bool          `key:"enabled" default:"true" help:"Keep views and serve reads from this pod. false: a pod that only processes; its API answers 503."`
	Traces         bool          `key:"traces" default:"true" help:"Keep the index for GET /traces/{id}: some 100 bytes on this pod's disk, and the CPU of one more row, for each command, event, result and dead letter. false: these answer 503."`
	TraceRetention time.Duration `key:"trace-retention" default:"168h" min:"1s" max:"87600h" help:"How long messages are found in traces; the default is how long commands and results are kept, without which a trace says little. Another value has the topics read again at the next start."`
	FetchBytes     Bytes         `key:"fetch-bytes" default:"1MiB" min:"16KiB" max:"100MiB" help:"How much each broker may send at a time of each topic, compressed as it is. Small records take ten to twenty times that in memory."`
	StateEvery     int           `key:"state-every" default:"1000" min:"16" max:"100000" help:"The distance of the intermediate states that are kept of a history, in events. A state of the past costs folding so many events, some 3 ms by default; a smaller distance takes room for more states, each as large as a row."`
	History        bool          `key:"history" default:"true" help:"Keep the histories of aggregates for GET /accounts/{id}/events: all events once more, on this pod's disk. false: these answer 503."`
}

// HTTP is the internal API.
type HTTP struct {
	Address        string        `key:"address" default:"localhost:8080" help:"Where to listen, host:port. There is no authentication: never on a public address."`
	BodyBytes      Bytes         `key:"body-bytes" default:"64KiB" min:"1KiB" max:"16MiB" help:"The largest request body. A command that large is no command. No more than topics.record-bytes."`
	HeaderBytes    Bytes         `key:"header-bytes" default:"16KiB" min:"1KiB" max:"1MiB" help:"The largest request header. Links and tokens of the API's own always fit: up to 7 KiB for the longest IDs, and for the position of a listener 12 bytes for each partition that it hears."`
	ReadTimeout    time.Duration `key:"read-timeout" default:"5s" min:"10ms" max:"5m" help:"How long a request may take to arrive."`
	RequestTimeout time.Duration `key:"request-timeout" default:"5s" min:"10ms" max:"5m" help:"How long a request may work, beside the wait it asks for."`
	WaitTimeout    time.Duration `key:"wait-timeout" default:"30s" min:"1s" max:"10m" help:"The longest wait that a request may ask for (Prefer: wait)."`
	UnknownWait    time.Duration `key:"unknown-wait" default:"500ms" min:"1ms" max:"10s" help:"How long GET /commands/{id} waits for a command that is not known yet before it says 404: a copy is some milliseconds behind."`
	WriteTimeout   time.Duration `key:"write-timeout" default:"10s" min:"10ms" max:"5m" help:"How long a client may take to read its answer."`
	IdleTimeout    time.Duration `key:"idle-timeout" default:"2m" min:"1s" max:"1h" help:"How long an idle connection is kept."`
	Waiters        int           `key:"waiters" default:"10000" min:"1" max:"1000000" help:"The most requests that wait at a time; each holds some 50 KiB."`
	Sending        int           `key:"sending" default:"256" min:"1" max:"256" help:"The most commands that wait for the broker at a time; the next one waits, up to the request-timeout."`
	Listeners      int           `key:"listeners" default:"16" min:"1" max:"10000" help:"The most who listen to GET /events/live at a time; each reads all that it filters from Kafka by itself: some MiB, and 10 µs of CPU a message."`
	ListenerLag    int           `key:"listener-backlog" default:"10000" min:"100" max:"100000000" help:"How many records a listener may be behind before it is moved to the end and told so: it wants what happens now."`
	PageRows       int           `key:"page-rows" default:"1000" min:"1" max:"100000" help:"The most rows in a page of a list."`
	PageBytes      Bytes         `key:"page-bytes" default:"4MiB" min:"1KiB" max:"256MiB" help:"The most bytes of events in a page of a history; as JSON they may be three times that. One event is always given."`
	TraceNodes     int           `key:"trace-nodes" default:"1000" min:"1" max:"4000" help:"The most messages in a trace, some 400 bytes of JSON each; an order has twenty. Parsers of JSON often refuse trees that are much deeper."`
	Shutdown       time.Duration `key:"shutdown-timeout" default:"5s" min:"10ms" max:"5m" help:"How long requests may take to finish when the worker stops."`
}

// Tracing says where spans go (OpenTelemetry). It is off without an endpoint.
type Tracing struct {
	Endpoint     string        `key:"endpoint" help:"URL of a collector that takes OTLP over HTTP, such as http://localhost:4318. Empty: no spans."`
	Headers      Secret        `key:"headers" help:"Sent with every request, name=value with commas between them: the collector's key, as a rule. From the environment or the file, never a flag."`
	ServiceName  string        `key:"service-name" default:"refold" help:"Whose spans they are."`
	SampleRatio  float64       `key:"sample-ratio" default:"1" min:"0" max:"1" help:"The share of traces that are kept, of those that begin here; the sampled flag of a traceparent decides about others. At thousands of commands a second choose less: a span costs some 15 µs of CPU."`
	Queue        int           `key:"queue" default:"2048" min:"1" max:"1000000" help:"The most spans that wait to be sent, some 5 KiB each. More are dropped, and counted: a collector that is away costs spans, not commands."`
	Batch        int           `key:"batch" default:"512" min:"1" max:"100000" help:"The most spans in one request."`
	Interval     time.Duration `key:"interval" default:"1s" min:"10ms" max:"1m" help:"How long a span waits for others to go with."`
	Timeout      time.Duration `key:"timeout" default:"5s" min:"10ms" max:"1m" help:"How long a request to the collector may take. It is not tried again."`
	FlushTimeout time.Duration `key:"flush-timeout" default:"1s" min:"1ms" max:"1m" help:"How long a stop waits for the last spans to be sent."`
}

// Log is what is said on standard error.
type Log struct {
	Level   string `key:"level" default:"info" oneof:"debug|info|warn|error" help:"The least level that is logged."`
	Clients string `key:"clients" default:"warn" oneof:"debug|info|warn|error" help:"The least level of what the Kafka clients and Goka say."`
	Format  string `key:"format" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, JSON otherwise."`
}

// SampleLoad is the sample load of processor dev.
type SampleLoad struct {
	Rate float64 `key:"rate" default:"5" min:"0" max:"100000" help:"Commands a second. 0: none."`
	Keys int     `key:"keys" default:"100" min:"1" max:"10000000" help:"How many keys they go to, such as accounts."`
	Seed int64   `key:"seed" default:"1" help:"The same seed makes the same commands."`
}
