// Package admin is the part of the HTTP API for operators: rebuilds of tables, and the views of a pod.
package admin
