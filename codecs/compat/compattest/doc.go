// Package compattest has the table of what is compatible in Avro, rule by rule, with the expected verdicts.
// The tests of package compat try it against the checker and against what twmb/avro resolves, the tests of
// package codecs against a real registry.
package compattest
