// Package kafka is what every other layer shares about Kafka itself: one Settings from which both
// clients are built, topics that are made before they are used, the one partitioner, and a reader
// that takes a partition from an offset to its end, exactly.
//
// Two client libraries are at work in a process: franz-go moves transactions, restores and scans;
// Sarama carries what Goka asks for outside of a transaction. They must agree on everything that
// matters (who we are, how we prove it, what we may read, where a key belongs), and so neither is
// ever configured by hand: Settings.Options gives the one, Settings.Sarama the other.
//
// # Files
//
//	settings.go      Settings, its defaults with their reasons, Secret
//	mistakes.go      Settings.Validate: all mistakes at once, as values
//	franz.go         Settings.Options: the options of a franz-go client
//	sarama.go        Settings.Sarama: the configuration of Sarama, and so of Goka
//	sasl.go          passwords and SCRAM for both clients
//	tokens.go        OAUTHBEARER tokens for both clients
//	tls.go           one tls.Config for both clients
//	logging.go       what both clients and Goka log, into slog
//	partitioner.go   murmur2 as in the Java client
//	topics.go        Plan and Ensure
//	metadata.go      what brokers tell of topics
//	read.go          ReadPartition
//	fetch.go         the requests that ReadPartition sends
//	errors.go        its errors, to be asked for by errors.Is
package kafka
