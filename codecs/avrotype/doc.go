// Package avrotype describes Avro types in a form that is easy to walk: names are resolved, and a type that
// holds itself is a cycle. It reads Avro data by it, and finds data that would
// grow beyond its size. It knows neither JSON nor Go types.
package avrotype
