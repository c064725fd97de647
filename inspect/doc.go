// Package inspect reads any topic for people: it decodes what it can, filters, and orders the records of
// several partitions by time. It writes nothing, and joins no consumer group.
//
// A value that can't be decoded is shown as text or base64, with the reason. It never ends the reading.
package inspect
