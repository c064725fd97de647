// Package command is what the commands of a program share: the program itself, its configuration as flags,
// exit codes, and how foreign text is shown to people.
package command
