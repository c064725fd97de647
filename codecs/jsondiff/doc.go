// Package jsondiff says by path what changed between two JSON values: charges[0].refundable, before and
// after. It is pure. Objects keep the order of their members, and numbers every digit.
package jsondiff
