// Package project has the commands about read models: it fills them without a worker, and looks after their
// builds.
package project
