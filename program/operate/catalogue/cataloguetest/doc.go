// Package cataloguetest has catalogues to try writers with.
package cataloguetest
