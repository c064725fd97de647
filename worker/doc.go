// Package worker is a pod: it joins the engine, the stores, the graphs of all aggregates and processes, read
// models, reactions, the views and the HTTP API, which don't know each other, and runs them until it is told
// to stop.
//
// [New] opens what is local and listens; [Worker.Run] prepares topics and schemas, and then runs everything,
// each processor under a supervisor that starts it again. worker.go is the wiring on one page; each other
// file joins one of the parts.
package worker
