// Package schemas has the commands about schemas: check and register them, freeze what is released, list and
// compare versions, and hold schemas to rules of style. Types of a program are compared with their history,
// which a registry has, or a folder of released schemas (package released).
package schemas
