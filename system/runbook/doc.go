// Package runbook does what a runbook tells a reader to do, and compares what is printed with what
// the page shows. So a page whose commands are no longer right fails a test.
//
// What it understands of a page:
//
//   - A fenced block "sh" is run by bash, from the top of the page to the bottom, and ends at the
//     first command that fails. It must exit with 0; a command that is to fail is followed by
//     `|| echo "exit code $?"`.
//   - The next fenced block "text" is what it prints, standard output and errors as they come. In a
//     line, "…" stands for anything; a line of "…" for any lines, or none. One space stands for any
//     number of them, because columns are as wide as what is in them. A block of commands without a
//     block of text must print nothing.
//   - A comment `<!-- test: stop the workers -->` is something that no command of the page does,
//     because people do it elsewhere: it is done by the test, by that name, and the prose beside it
//     must say it.
//
// Any other fenced block is refused, so that no command can stand on a page and not be run.
package runbook
