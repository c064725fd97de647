package command

import (
	"github.com/spf13/cobra"

	"refold/config"
	"refold/installation"
	"refold/processors"
)

// Program is what all commands know of their program.
type Program struct {
	// Environ is what os.Environ returns.
	Environ     []string
	Definitions processors.Definitions
	Options     *config.Options
	Version     string
}

// Loaded is an installation, and where the values of its configuration come from.
type Loaded struct {
	*installation.Installation
	From *config.Loaded
}

// Load reads the configuration of a command whose flags are those of the options.
func (p *Program) Load(cmd *cobra.Command, defaults map[string]string) (*Loaded, error) {
	from, err := p.Options.Load(config.LoadOptions{
		Flags: cmd.Flags(), Environ: p.Environ, Defaults: defaults, Check: installation.KafkaMistakes,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it lists the mistakes
	}
	in := p.Install(from.Config)
	in.From = from
	return &Loaded{in, from}, in.Definitions.Names(in.Prefix()).Check()
}

// Install returns the program with a configuration.
func (p *Program) Install(c config.Config) *installation.Installation {
	return &installation.Installation{Config: c, Definitions: p.Definitions, Version: p.Version}
}
