// Package gokatopics is a topic manager for Goka's processors and views that takes Goka's place where Goka's
// own does harm: it makes topics so that any number of processes may do so at once, and it knows where a
// table's restored store ends.
package gokatopics
