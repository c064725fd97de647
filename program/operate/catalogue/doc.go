// Package catalogue is a model of what a program takes and emits: its aggregates with their topics,
// commands, events, rows and results, each with its fields, its versions and an example, and the processes
// between them. [New] makes it of the definitions; it needs no cluster, and no registry unless the history
// comes from one.
//
// The same definitions, settings and history make the same catalogue. Packages markdown, html and asyncapi
// write it.
package catalogue
