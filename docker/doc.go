// Package docker has the files with which Refold is run in containers and watched; the program has those that
// it shows.
package docker
