// Package meters is electricity meters. Their commands and events are written in Protobuf: the generated
// messages are the types of the aggregate.
package meters
