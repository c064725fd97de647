// Package kafka is what every other layer shares about Kafka itself: Settings from which both clients are
// built, topics that are made before they are used, the one partitioner, a reader that takes a partition from
// an offset to its end, exactly, and the requests that no client library offers in the form that is needed.
//
// A process uses two client libraries: franz-go moves transactions, restores and scans; Sarama carries what
// Goka asks for outside of a transaction. They must agree on identity, credentials, isolation and
// partitioning, so neither is ever configured by hand: Settings.Options configures franz-go, Settings.Sarama
// configures Sarama.
//
// # Files
//
//	settings.go        Settings: options with their defaults, limits and reasons; secret.go: Secret
//	mistakes.go        Settings.Validate: all mistakes at once, as values
//	franz.go           Settings.Options: the options of a franz-go client
//	sarama.go          Settings.Sarama: the configuration of Sarama, and so of Goka
//	sasl.go            passwords and SCRAM for both clients
//	tokens.go          OAUTHBEARER tokens for both clients
//	tls.go             one tls.Config for both clients
//	logging.go         what both clients and Goka log, into slog; faultlog.go: faults that repeat
//	partitioner.go     murmur2 as in the Java client
//	topics.go          Plan and Ensure
//	metadata.go        DescribeTopics and TopicIDs; copartitioned.go: topics that belong together
//	features.go        what the cluster has agreed on
//	read.go            ReadPartition; fetch.go: the requests that it sends
//	watch.go           Watch: whether readers of partitions get on
//	offsets.go         OffsetCommit; stable.go: WaitStable
//	members.go         Members of a group, and what they tell one another
//	transactions.go    transactions that are open, and how to abort them
//	records.go         how a callback takes several records at once, as they came
//	sizes.go, time.go  what a record may be
//	errors.go          errors to be asked for by errors.Is
package kafka
