package schemas

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/program/command"
)

// timeout limits a whole command: a registry answers within milliseconds.
const timeout = 2 * time.Minute

// commands are those of a program.
type commands struct{ *command.Program }

// Command returns the command "schemas" of a program, and those below it.
func Command(program *command.Program) *cobra.Command {
	p := commands{program}
	schemas := &cobra.Command{
		Use:   "schemas",
		Short: "Check, register, freeze and compare schemas: workers in production only look them up",
		Args:  cobra.NoArgs, RunE: command.ShowHelp,
	}
	schemas.AddCommand(p.newCheck(), p.newRegister(), p.newFreeze(), p.newList(), p.newDiff(), p.newLint(),
		p.newDocs())
	return schemas
}

// printJSON prints a value over several lines.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
