// Package local runs a Kafka cluster and a schema registry in this process, on loopback addresses:
// for tests, and for a first look at the program on a machine that has nothing but Go.
//
// Both are imitations that forget everything when they stop. The cluster knows transactions,
// fencing, consumer groups, SASL and TLS, and lets tests fail any request (Cluster.Kafka); it is
// no durable store, and it does not imitate a broker's timing.
package local
