//go:build system

// Package realkafka starts a real Apache Kafka and a real Apicurio Registry on this machine, for
// tests and measurements against the servers that users run.
//
// Both come from Maven Central by the pom.xml files of this folder, once, into the user's cache
// folder; a machine without Java or Maven is told what is missing. They listen on free ports of
// the loopback interface, keep data and log in a folder of the caller's, and die with the process
// that started them, also when it is killed (Linux).
package realkafka
