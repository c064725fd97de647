// Package one is the box as it was released first.
package one
