// Package two is the box as it was released next. A note is called a memo, memos are counted, and the events
// that the next release makes of Moved are known: it takes two releases to split an event.
package two
