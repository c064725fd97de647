// Package flow is the console's first page: what a program is made of, drawn as it is defined, with figures
// that live; and above it what needs attention.
//
// [NewGraph] makes nodes and edges of the definitions, [Draw] gives each a place. Both are pure. What is
// measured comes from a [Source], which is asked while somebody looks, once for all who do.
package flow
