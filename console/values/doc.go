// Package values shows any JSON for people: objects as tables of names and values, lists of alike objects as
// tables with columns, amounts of money with their decimals. What changed is marked.
package values
