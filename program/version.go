package program

import (
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

// sourceVersion is what Go noted of the source.
func sourceVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return info.Main.Version
}

// shown are the libraries whose version matters when something goes wrong.
var shown = []string{
	"github.com/lovoo/goka", "github.com/IBM/sarama", "github.com/twmb/franz-go",
	"github.com/twmb/avro", "github.com/linkedin/goavro/v2", "github.com/cockroachdb/pebble/v2",
}

func (p *program) newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of the program and its libraries",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			fmt.Fprintln(w, "refold", p.Version)
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return nil
			}
			fmt.Fprintln(w, info.GoVersion)
			for _, dep := range info.Deps {
				if slices.Contains(shown, dep.Path) {
					fmt.Fprintln(w, dep.Path, dep.Version)
				}
			}
			return nil
		},
	}
}
