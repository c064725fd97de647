// Package load sends commands to a running system and keeps what it was told.
//
// A [Traffic] makes the commands; [Default] is that of any program, made of its definitions. A [Driver] sends
// them at a rate that doesn't depend on the answers, goes on with every [Story] to its end, and asks again
// under the same ID until it has an answer. How commands travel is a [System]'s matter: [HTTP] asks any of
// several workers, [Topic] writes records and reads results.
package load
