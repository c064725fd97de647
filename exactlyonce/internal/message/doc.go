// Package message turns franz-go's records into the messages of Sarama that Goka takes.
package message
