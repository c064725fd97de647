package operate

import (
	"github.com/spf13/cobra"

	"refold/program/command"
	"refold/program/operate/project"
	"refold/program/operate/react"
	"refold/program/operate/schemas"
)

// commands are those of a program.
type commands struct{ *command.Program }

// Commands returns the commands about the installation of a program.
func Commands(program *command.Program) []*cobra.Command {
	p := &commands{program}
	return []*cobra.Command{
		p.newDeadLetters(), p.newRebuild(), p.newVerify(), p.newReset(), p.newTopics(), p.newTopic(),
		p.newTransactions(), p.newAuditTrail(), schemas.Command(program), project.Command(program),
		react.Command(program),
	}
}
