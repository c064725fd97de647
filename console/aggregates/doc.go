// Package aggregates is the part of the console about aggregates: their lists; one aggregate's state, now and
// at any moment; its history with what each event changed; why a field is what it is; and forms made of the
// commands' schemas that send them.
package aggregates
