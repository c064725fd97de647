// Package readmodelstest fills stores with read models of made-up histories, for tests.
package readmodelstest
