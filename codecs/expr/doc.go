// Package expr compiles expressions in CEL, the Common Expression Language (cel.dev), and bounds them: their
// text, and what an evaluation may cost. CEL has no loops but over a list or a map at hand, so that an
// evaluation always ends.
package expr
