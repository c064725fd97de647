package config

import (
	"slices"
	"strings"
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
	Aggregates  map[string]*Aggregate
	Store       Store       `key:"store"`
	Rebuild     Rebuild     `key:"rebuild"`
	Verify      Verify      `key:"verify"`
	Views       Views       `key:"views"`
	Projections Projections `key:"projections"`
	Reactions   Reactions   `key:"reactions"`
	HTTP        HTTP        `key:"http"`
	Console     Console     `key:"console"`
	Tracing     Tracing     `key:"tracing"`
	Log         Log         `key:"log"`
	Load        SampleLoad  `key:"load"`
}

// Registry is the schema registry.
type Registry struct {
	URLs             []string      `key:"urls" default:"http://localhost:8081" help:"Base URLs of one registry's servers. For Apicurio: http://host:8080/apis/ccompat/v7."`
	Mode             string        `key:"mode" default:"lookup" oneof:"lookup|register" help:"lookup: schemas must be registered already (production). register: the worker registers missing schemas at start."`
	Username         string        `key:"username" help:"User name for basic authentication. Empty: none."`
	Password         Secret        `key:"password" help:"Password for basic authentication. Set it in the environment or the file, never as a flag."`
	PasswordFile     string        `key:"password-file" help:"File with the password; read again for each request."`
	Token            Secret        `key:"token" help:"Bearer token, in place of a user name and a password. Set it in the environment or the file, never as a flag."`
	TokenFile        string        `key:"token-file" help:"File with the bearer token, such as a projected token of a Kubernetes service account; read again for each request."`
	AllowUnencrypted bool          `key:"allow-unencrypted" default:"false" help:"Lets a password or a token go over http to another host, where anybody on the network can read it."`
	TLS              RegistryTLS   `key:"tls"`
	Timeout          time.Duration `key:"timeout" default:"5s" min:"10ms" max:"1m" help:"Time limit of one request. A registry answers within milliseconds."`
	RetryLimit       time.Duration `key:"retry-limit" default:"20s" min:"100ms" max:"10m" help:"How long a record whose schema is unknown waits for a registry that is away. During this time all of the worker's partitions of the group wait. After it, only the record's partition is held, until the registry answers."`
	RefusedAfter     time.Duration `key:"refused-after" default:"15m" min:"1ms" max:"8760h" help:"How long the registry may refuse a single schema ID, or fail to answer for it, while it answers for others. After this time, records of that ID become dead letters (refused-schema); until then their partitions are held. The default is longer than a person on call needs to give a right back. If the registry answers for no schema, records wait for as long as it takes."`
	CacheDirectory   string        `key:"cache-directory" default:"registry" help:"Directory for what the registry said, so that a worker starts while the registry is away if it was told before all that it needs. A relative path is below store.directory, with topics.prefix in front. Empty, or relative without a store.directory: nothing is kept."`
	CacheBytes       Bytes         `key:"cache-bytes" default:"16MiB" min:"64KiB" max:"1GiB" help:"The most bytes of the cache's file, which is in memory, too. A full cache drops answers that this worker has not asked for."`
	CacheAnswers     int           `key:"cache-answers" default:"10000" min:"100" max:"1000000" help:"The most answers in the cache. A schema takes one, an ID of ours one, a subject one, and a version one."`
	CacheAskAgain    time.Duration `key:"cache-ask-again" default:"5s" min:"10ms" max:"10m" help:"How often a registry that is away is asked again what the cache has answered in its place. A registry is back within seconds, or needs a person."`
	SchemaID         string        `key:"schema-id" default:"prefix" oneof:"prefix|header" help:"Where the schema ID of a record stands that is written: before the data, or in the header __value_schema_id, as readers from Confluent Platform 8 on understand it. Records of both kinds are always read. Rows of tables have it before the data in any case: stores keep no headers."`
	Subjects         string        `key:"subjects" default:"record" oneof:"record|topic|topic-record" help:"After what subjects are named, as Confluent's RecordNameStrategy (record), TopicNameStrategy (topic) and TopicRecordNameStrategy (topic-record) name them. A subject is of one type, so topic is refused for a topic with several: take topic-record. Programs that share topics must agree. A change needs all schemas registered anew."`
	SubjectPrefix    string        `key:"subject-prefix" help:"Prefix of the names of all subjects: letters, digits, dots, hyphens and underscores, 100 at most. It keeps installations apart that share a registry, so that each has its own versions and levels. topics.prefix does so by itself if subjects are named after topics."`
	Unreadable       string        `key:"unreadable-history" default:"refuse" oneof:"refuse|warn" help:"What a worker does at start if the registry has a version of its rows or events that it can't read, or a type of its aggregates that it does not have. refuse: it handles no command, and /readyz names each with what to do. warn: it logs them and starts; histories, rebuilds and rows with such records fail. For the way back to an older release that lacks types of the newer one."`
	// Compatibility and CompatibilityOverrides are for the commands about schemas; workers don't use them.
	Compatibility          string   `key:"compatibility" default:"FULL_TRANSITIVE" oneof:"NONE|BACKWARD|BACKWARD_TRANSITIVE|FORWARD|FORWARD_TRANSITIVE|FULL|FULL_TRANSITIVE" help:"The level that the commands schemas check and schemas register compare the program's types with earlier versions at. The default is the strictest: events are kept forever, so all versions count, and a rolling upgrade has old and new workers read each other's records."`
	CompatibilityOverrides []string `key:"compatibility-overrides" help:"Levels of single subjects, each subject=LEVEL. A subject that ends in * stands for all that begin so; the longest that fits counts. NONE also says that the program need not have the type."`
}

// RegistryTLS has the certificates for https URLs of the registry.
type RegistryTLS struct {
	CAFile   string `key:"ca-file" help:"Certificate authorities to trust with https (PEM). Empty: the system's. This file and the next two are read again when they change."`
	CertFile string `key:"cert-file" help:"Our own certificate (PEM), if the registry asks for one (mutual TLS)."`
	KeyFile  string `key:"key-file" help:"Its key (PEM)."`
}

// Topics says what topics are like when we make them.
type Topics struct {
	Prefix              string        `key:"prefix" help:"Prefix of the names of all topics and groups. It separates installations that share a cluster."`
	Create              bool          `key:"create" default:"true" help:"Make topics at start that the installation never had. Existing topics are never changed; differences are logged. A topic that the installation had and that is missing is lost. It is never made again by itself: see topics adopt."`
	CheckInterval       time.Duration `key:"check-interval" default:"10s" min:"10ms" max:"10m" help:"How often a running worker checks whether topics are those that it knows, fit together, and have as many partitions as they had. A check takes some ten small requests for each group. A deletion is noticed after this time at the latest."`
	Partitions          int           `key:"partitions" default:"8" min:"1" max:"10000" help:"Number of partitions of every aggregate's topics. It can't be changed later without moving keys. It is the largest number of workers that can share the work."`
	ReplicationFactor   int           `key:"replication-factor" default:"3" min:"1" max:"100" help:"Copies of each partition."`
	CommandsRetention   time.Duration `key:"commands-retention" default:"168h" min:"1m" help:"How long commands are kept, and known by ID."`
	ResultsRetention    time.Duration `key:"results-retention" default:"168h" min:"1m" help:"How long results are kept, and found by command ID."`
	RecordBytes         Bytes         `key:"record-bytes" default:"960KiB" min:"4KiB" max:"16MiB" help:"The largest record, key and headers included. A larger command, or one that leads to a larger event, result or row, becomes a dead letter (too-large). The default is just below the brokers' default limit (max.message.bytes, 1048588). To raise it, raise that limit of existing topics first. Never lower it: existing larger records could no longer be read."`
	DeadLetterRetention time.Duration `key:"dead-letter-retention" default:"720h" min:"1m" help:"How long dead letters are kept. It must leave a person time to look at them."`
	AuditTrailRetention time.Duration `key:"audit-trail-retention" default:"0s" min:"0s" max:"876000h" help:"How long the audit trail is kept: who did what by the console, the API's endpoints for operators and the command line. 0s: forever. It grows by some 1 KiB for each of these."`
}

// Processor limits the engine.
type Processor struct {
	TransactionalID string        `key:"transactional-id" help:"This worker's own name for its transactions. Two workers with the same name fence each other. In a stateful set, use the pod's name: a restart then ends open transactions at once. Empty: a new name at every start."`
	InstanceID      string        `key:"instance-id" help:"This worker's own name in its groups, the same after a restart: it makes the worker a static member (KIP-345). In a stateful set, use the pod's name. A worker that comes back within kafka.session-timeout has its partitions again, without a rebalance. It does not leave the group when it stops, so the partitions of a worker that does not come back stand still for kafka.session-timeout. No two workers may have the same name. Empty: a worker leaves the group when it stops, and its standbys take over at once."`
	BatchRecords    int           `key:"batch-records" default:"8000" min:"1" max:"1000000" help:"The most records in one transaction. Larger batches need more memory, take longer to commit, and are no cheaper."`
	BatchBytes      Bytes         `key:"batch-bytes" default:"32MiB" min:"1KiB" max:"1GiB" help:"The most bytes that one transaction reads and writes, keys, headers and deleted rows included. Up to two batches are in memory. It must be at least twice topics.record-bytes."`
	FetchBytes      Bytes         `key:"fetch-bytes" default:"2MiB" min:"16KiB" max:"100MiB" help:"How many bytes each broker may send ahead of what is handled, to each group, compressed. In memory, small records take ten to twenty times that."`
	LeastGap        time.Duration `key:"least-gap" default:"5ms" min:"10us" max:"10s" help:"The shortest time between the starts of two transactions. A lower value costs the brokers CPU; a higher value only adds latency."`
	Producers       int           `key:"producers" default:"2" min:"1" max:"16" help:"Number of transactional producers, which take turns."`
	LeaveTimeout    time.Duration `key:"leave-timeout" default:"3s" min:"100ms" max:"5m" help:"How long a rebalance or a stop waits for the work in hand. A stop waits three times this long at worst."`
	PoisonShare     float64       `key:"poison-share" default:"0.5" min:"0" max:"1" help:"The share of the last poison-window records of a partition that may be poison. If the share is higher, the partition is held until the worker is restarted: a wrong deployment must not set a whole topic aside. The default is half: a worker is not made for a topic of which most records can't be read. 0 or 1: no limit."`
	PoisonWindow    int           `key:"poison-window" default:"1000" min:"1" max:"1000000" help:"The number of latest records of a partition of which the share of poison is computed. It must be large enough that a burst of bad records among good ones doesn't hold the partition. Each record takes one byte."`
	PoisonLeast     int           `key:"poison-least" default:"20" min:"1" max:"1000000" help:"The share of poison counts only after this many records. A few bad ones among the first records after a start are no wrong deployment."`
	StallAfter      time.Duration `key:"stall-after" default:"1m" min:"10ms" max:"24h" help:"How long records may wait in an input partition, or in a topic of the views, without any being committed or taken in, before /readyz is red. A rebalance, the end of a dead worker's transaction and a restart of a broker take less. A client that waits for a command has given up by then."`
	MemoryBytes     Bytes         `key:"memory-bytes" default:"512MiB" min:"64MiB" max:"1TiB" help:"Limit of the process's resident memory, caches of the stores included. Near the limit, garbage collection costs more and more CPU. Set it to some 80% of the pod's limit. GOMEMLIMIT overrides it."`
	BackoffMin      time.Duration `key:"backoff-min" default:"50ms" min:"1ms" max:"1m" help:"Pause before the first retry after a fault. It doubles with each retry."`
	BackoffMax      time.Duration `key:"backoff-max" default:"10s" min:"1ms" max:"10m" help:"The longest pause between retries."`
}

// Aggregate is what may differ from one aggregate to the other.
type Aggregate struct {
	RecentCommands    int           `key:"recent-commands" default:"16" min:"0" max:"1024" help:"How many recent commands a row remembers, so that a command that is sent twice is decided once. Each takes some 24 bytes of every row."`
	Remember          time.Duration `key:"remember" default:"5m" min:"0s" max:"24h" help:"How long the outcomes of commands are remembered beside the rows, so that a command that is sent twice is decided once, however many commands its aggregate gets meanwhile. The time counts by the commands' records. A worker that takes a partition over first reads the results of this time, some 2 µs each; so they must be kept (results, results-retention). As far as store.remember-bytes suffice. 0s: only rows remember."`
	CommandsRetention time.Duration `key:"commands-retention" default:"0s" min:"0s" max:"876000h" help:"How long commands are kept, and known by ID. 0s: the value of topics.commands-retention."`
	EventsRetention   time.Duration `key:"events-retention" default:"0s" min:"0s" max:"876000h" help:"How long events are kept. 0s: forever. With a limit, the table can't be rebuilt, reset or verified once events are deleted, and histories go back only so far."`
	ResultsRetention  time.Duration `key:"results-retention" default:"0s" min:"0s" max:"876000h" help:"How long results are kept, and found by command ID. 0s: the value of topics.results-retention."`
	Write             string        `key:"write" default:"former" oneof:"former|latest" help:"Which version of commands, events and rows is written, where the program knows a way back to the version of the release before (a downcast). former: that version, so that workers of both releases can share a group, and a step back is possible; what it can't express is rejected (not-yet-writable). latest: today's. Set it when no worker of the release before is left, and none will come back. Without a downcast, today's version is written always."`
	Results           bool          `key:"results" default:"true" help:"Write the result of each command to a topic, where its sender waits for it. false: senders get no outcome, the worker saves a tenth of its work, and no process may wait for results."`
	History           bool          `key:"history" default:"true" help:"Keep the histories of this aggregate in views. views.history is the same switch for all aggregates."`
	Traces            bool          `key:"traces" default:"true" help:"Keep the messages of this aggregate in the index of traces. views.traces is the same switch for all aggregates."`
}

// Store is where local copies of tables are.
type Store struct {
	Directory       string        `key:"directory" default:".refold" help:"Directory of the local stores, for one worker at a time. Losing it costs a restore, nothing else. Empty: stores are in memory and restored at every start."`
	CacheBytes      Bytes         `key:"cache-bytes" default:"128MiB" min:"1MiB" max:"1TiB" help:"Memory of all stores together: up to half of it for rows that are not on the disk yet, the rest for blocks of their files."`
	RowCacheBytes   Bytes         `key:"row-cache-bytes" default:"64MiB" min:"0B" max:"1TiB" help:"Cache of rows in front of the stores. Reading a row from it takes 0.1 µs instead of 4."`
	OpenFiles       int           `key:"open-files" default:"600" min:"48" max:"1000000" help:"How many data files all stores together keep open. Merges open some more for a moment. The number of partitions does not matter: all stores share two databases."`
	ViewCacheBytes  Bytes         `key:"view-cache-bytes" default:"64MiB" min:"1MiB" max:"1TiB" help:"The same as cache-bytes, for the views' stores."`
	RememberBytes   Bytes         `key:"remember-bytes" default:"64MiB" min:"1MiB" max:"1TiB" help:"Memory of the outcomes that are remembered beside the rows, of all aggregates together (aggregates.<name>.remember): 64 bytes each. Beyond it the oldest are forgotten before their time: 64MiB hold the outcomes of 5 minutes at 3,500 commands a second, on this worker."`
	Standbys        int           `key:"standbys" default:"1" min:"0" max:"100" help:"How many other workers follow each partition: its table, and with views.placement owned its read side. One of them takes the partition over when its owner dies, and reads only what it lacks. Each standby costs the disk and the fetches of one more copy. 0: none but those that are about to own a partition."`
	AcceptableLag   int           `key:"acceptable-lag" default:"10000" min:"100" max:"1000000000" help:"How many records a worker may lack of a partition, of its table and its read side together, and be given it. With more, its owner keeps it, or another standby has it, until the worker has caught up. Commands wait until these records are read."`
	ProbingInterval time.Duration `key:"probing-interval" default:"1m" min:"100ms" max:"24h" help:"The shortest time between two rebalances by which a worker asks for partitions that it has caught up with. A rebalance stops all workers of the group for a moment."`
}

// Rebuild limits the folding of a table anew, in the background (processor rebuild).
type Rebuild struct {
	AtStart         bool          `key:"at-start" default:"false" help:"Ask for a rebuild when the worker finds rows of an older fold version than its own. false: the worker only logs it."`
	EventsPerSecond int           `key:"events-per-second" default:"0" min:"0" max:"100000000" help:"The most events a second that this worker folds in a rebuild; it folds one partition at a time. 0: no limit except cpu-share."`
	CPUShare        float64       `key:"cpu-share" default:"0.25" min:"0.01" max:"1" help:"The share of its time that a rebuild works; it rests in between, so that live commands are not delayed. A quarter of a core folds some 60,000 events a second."`
	CacheBytes      Bytes         `key:"cache-bytes" default:"64MiB" min:"1MiB" max:"1TiB" help:"Memory of a rebuild while it runs, in addition to the stores'. The rest is on the disk (store.directory), some 100 bytes for each aggregate."`
	StepRows        int           `key:"step-rows" default:"1000" min:"1" max:"1000000" help:"The most rows that are compared and written between two transactions. The partition's commands wait meanwhile, some 30 µs for each row."`
	StepTimeout     time.Duration `key:"step-timeout" default:"2s" min:"10ms" max:"1m" help:"The longest time that such a step may delay commands. A step that takes longer is retried."`
	Samples         int           `key:"samples" default:"5" min:"0" max:"100" help:"How many differing rows of each partition a dry run shows, field by field."`
	Report          time.Duration `key:"report" default:"1s" min:"10ms" max:"1m" help:"How often the progress of a partition is written to the topic of rebuilds."`
	Retry           time.Duration `key:"retry" default:"5s" min:"10ms" max:"10m" help:"The pause before a rebuild is retried that met a fault, or workers of another fold version."`
}

// Verify is the check in the background: rows of the worker's stores against a fold of their events.
type Verify struct {
	EventsPerSecond int           `key:"events-per-second" default:"0" min:"0" max:"100000000" help:"How many events a second this worker folds to verify its rows, partition by partition, again and again. 0: none, because the check reads all events ever written from the brokers. 1000 costs less than a hundredth of a core, and reads ten million events in three hours."`
	Pause           time.Duration `key:"pause" default:"1h" min:"10ms" max:"8760h" help:"The pause between two rounds through the worker's partitions, and after a partition that could not be verified."`
	CacheBytes      Bytes         `key:"cache-bytes" default:"16MiB" min:"1MiB" max:"1TiB" help:"Memory of the check. The rest is on the disk (store.directory)."`
}

// Views are the local copies that the HTTP API reads.
type Views struct {
	Enabled        bool          `key:"enabled" default:"true" help:"Keep views and serve reads from this pod. false: the pod only processes commands, and its API answers 503."`
	Placement      string        `key:"placement" default:"owned" oneof:"owned|everywhere" help:"Which partitions this pod keeps the read side of. owned: those that it processes; it forwards requests about others to their owners. everywhere: all of them, each pod for itself, by views that follow the topics; every pod then pays for all commands."`
	Traces         bool          `key:"traces" default:"true" help:"Serve GET /traces/{id}. Messages that processes cause and dead letters take one more row each, some 100 bytes on this pod's disk; the others are found by their command's ID. false: these requests answer 503."`
	TraceRetention time.Duration `key:"trace-retention" default:"168h" min:"1s" max:"87600h" help:"How long messages are found in traces. The default is how long commands and results are kept, without which a trace shows little. If results are kept for less, each event takes one more row. After a change, the topics are read again at the next start."`
	FetchBytes     Bytes         `key:"fetch-bytes" default:"1MiB" min:"16KiB" max:"100MiB" help:"How many bytes each broker may send at a time of each topic, compressed. In memory, small records take ten to twenty times that."`
	StateEvery     int           `key:"state-every" default:"1000" min:"16" max:"100000" help:"The distance, in events, of the intermediate states that are kept of a history. To answer for a state of the past, a pod folds at most so many events, some 3 ms with the default. A smaller distance takes room for more states, each as large as a row."`
	History        bool          `key:"history" default:"true" help:"Keep the histories of aggregates for GET /accounts/{id}/events. This puts all events once more on this pod's disk. false: these requests answer 503."`
}

// HTTP is the internal API.
type HTTP struct {
	Address        string        `key:"address" default:"localhost:8080" help:"Where to listen, host:port. There is no authentication: never listen on a public address."`
	Advertise      string        `key:"advertise" help:"Where other pods reach this one, host:port or a host alone (views.placement: owned). Empty: the host of http.address; or, if that is all of them, this machine's address on the way to the brokers. In a container behind a translated address, set it."`
	ForwardTimeout time.Duration `key:"forward-timeout" default:"10s" min:"10ms" max:"10m" help:"How long another pod may take to answer a request that is forwarded to it, beside the wait that the client asks for. It should be longer than request-timeout, so that the owner itself says what takes so long."`
	BodyBytes      Bytes         `key:"body-bytes" default:"64KiB" min:"1KiB" max:"16MiB" help:"The largest request body; no command is that large. It may be no more than topics.record-bytes."`
	HeaderBytes    Bytes         `key:"header-bytes" default:"16KiB" min:"1KiB" max:"1MiB" help:"The largest request header. The API's own links and tokens always fit: up to 7 KiB for the longest IDs, and 12 bytes for each partition in the position of a listener."`
	ReadTimeout    time.Duration `key:"read-timeout" default:"5s" min:"10ms" max:"5m" help:"How long a request may take to arrive."`
	RequestTimeout time.Duration `key:"request-timeout" default:"5s" min:"10ms" max:"5m" help:"How long a request may be processed, in addition to the wait that it asks for."`
	WaitTimeout    time.Duration `key:"wait-timeout" default:"30s" min:"1s" max:"10m" help:"The longest wait that a request may ask for (Prefer: wait)."`
	UnknownWait    time.Duration `key:"unknown-wait" default:"500ms" min:"1ms" max:"10s" help:"How long GET /commands/{id} waits for a command that is not known yet before it answers 404. A copy is some milliseconds behind."`
	WriteTimeout   time.Duration `key:"write-timeout" default:"10s" min:"10ms" max:"5m" help:"How long a client may take to read its answer."`
	IdleTimeout    time.Duration `key:"idle-timeout" default:"2m" min:"1s" max:"1h" help:"How long an idle connection is kept."`
	Waiters        int           `key:"waiters" default:"10000" min:"1" max:"1000000" help:"The most requests that wait at a time. Each takes some 50 KiB."`
	Sending        int           `key:"sending" default:"256" min:"1" max:"256" help:"The most commands that wait for the broker at a time. The next one waits, up to the request-timeout."`
	Listeners      int           `key:"listeners" default:"16" min:"1" max:"10000" help:"The most listeners of GET /events/live at a time. Each listener reads everything that it filters from Kafka by itself. This takes some MiB, and 10 µs of CPU for each message."`
	ListenerLag    int           `key:"listener-backlog" default:"10000" min:"100" max:"100000000" help:"How many records a listener may be behind. Beyond that, it is moved to the end and told so, because it shows what happens now."`
	PageRows       int           `key:"page-rows" default:"1000" min:"1" max:"100000" help:"The most rows in a page of a list."`
	PageBytes      Bytes         `key:"page-bytes" default:"4MiB" min:"1KiB" max:"256MiB" help:"The most bytes of events in a page of a history. As JSON they may be three times as large. A page always has at least one event."`
	TraceNodes     int           `key:"trace-nodes" default:"1000" min:"1" max:"4000" help:"The most messages in a trace. Each is some 400 bytes of JSON; an order has twenty. Many JSON parsers refuse trees that are much deeper."`
	Shutdown       time.Duration `key:"shutdown-timeout" default:"5s" min:"10ms" max:"5m" help:"How long requests may take to finish when the worker stops."`
}

// Console is the pages for people that workers serve below /console/.
type Console struct {
	Enabled    bool     `key:"enabled" default:"true" help:"Serve the console, pages for people, at /console/ beside the API."`
	Allow      []string `key:"allow" help:"What everybody who can reach the console may do beside looking: command (send commands to aggregates), operate (rebuild, replay, discard). Empty: it is read-only. There is no authentication yet: allow something only where a proxy lets nobody else in."`
	UserHeader string   `key:"user-header" help:"Name of the header in which a proxy in front of the console puts the user's name, such as X-Forwarded-User. The audit trail has it. The proxy must remove what a browser sends under this name. Empty: users are anonymous, with their address."`
	Streams    int      `key:"streams" default:"64" min:"1" max:"10000" help:"The most pages that are live at a time. Each holds a connection, and those that show messages read them from Kafka, see http.listeners."`
}

// Rights are the values of console.allow.
var Rights = []string{"command", "operate"}

func (c *Console) contradictions(wrong func(path, value, allowed string)) {
	for _, right := range c.Allow {
		if !slices.Contains(Rights, right) {
			wrong("console.allow", right, strings.Join(Rights, " or "))
		}
	}
}

// Tracing says where spans go (OpenTelemetry). It is off without an endpoint.
type Tracing struct {
	Endpoint     string        `key:"endpoint" help:"URL of a collector that takes OTLP over HTTP, such as http://localhost:4318. Empty: no spans."`
	Headers      Secret        `key:"headers" help:"Headers of every request, as name=value, separated by commas; usually the collector's key. Set them in the environment or the file, never as a flag."`
	ServiceName  string        `key:"service-name" default:"refold" help:"The service name of the spans."`
	SampleRatio  float64       `key:"sample-ratio" default:"1" min:"0" max:"1" help:"The share of traces that are kept, of those that begin here. For other traces, the sampled flag of the traceparent decides. With thousands of commands a second choose less: a span takes some 15 µs of CPU."`
	Queue        int           `key:"queue" default:"2048" min:"1" max:"1000000" help:"The most spans that wait to be sent, some 5 KiB each. More are dropped, and counted: an unreachable collector costs spans, not commands."`
	Batch        int           `key:"batch" default:"512" min:"1" max:"100000" help:"The most spans in one request."`
	Interval     time.Duration `key:"interval" default:"1s" min:"10ms" max:"1m" help:"How long a span waits for others to be sent with."`
	Timeout      time.Duration `key:"timeout" default:"5s" min:"10ms" max:"1m" help:"How long a request to the collector may take. It is not retried."`
	FlushTimeout time.Duration `key:"flush-timeout" default:"1s" min:"1ms" max:"1m" help:"How long a stop waits for the last spans to be sent."`
}

// Log is what is said on standard error.
type Log struct {
	Level   string `key:"level" default:"info" oneof:"debug|info|warn|error" help:"The lowest level that is logged."`
	Clients string `key:"clients" default:"warn" oneof:"debug|info|warn|error" help:"The lowest level that is logged of messages from the Kafka clients and Goka."`
	Format  string `key:"format" default:"auto" oneof:"auto|text|json" help:"auto: text on a terminal, JSON otherwise."`
}

// SampleLoad is the sample load of processor dev.
type SampleLoad struct {
	Rate float64 `key:"rate" default:"5" min:"0" max:"100000" help:"Commands a second. 0: none."`
	Keys int     `key:"keys" default:"100" min:"1" max:"10000000" help:"How many keys the commands go to, such as accounts."`
	Seed int64   `key:"seed" default:"1" help:"Seed of the commands. The same seed makes the same commands."`
}
