package schemas

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/codecs/released"
	"refold/program/command"
)

func (p commands) newFreeze() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "freeze DIR",
		Short: "Write today's schemas into a folder, as they are released",
		Long: `Write each schema of the program that differs from its latest version in DIR there as the next
version: DIR/<Namespace.Record>/<version>.avsc (.proto, .json), what it imports in <version>.imports, an
example of it in <version>.bin (data without a header), and the checksums in DIR/SHA256SUMS. A file that
exists is never changed, and a folder in which a file was changed by hand is refused. Run it when a version
of the program is released, and commit the folder.

It asks no registry, and does not ask whether a change is compatible: "schemas check --against DIR" does.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err //nolint:wrapcheck // it lists the mistakes
			}
			return freeze(cmd.OutOrStdout(), loaded, args[0])
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func freeze(w io.Writer, loaded *command.Loaded, dir string) error {
	folder, err := released.Open(dir)
	if err != nil {
		return err //nolint:wrapcheck // it names the files
	}
	o, err := open(loaded, "", codecs.LookUp)
	if err != nil {
		return err
	}
	defer o.registry.Close()
	frozen := 0
	all := o.opened.Catalog(codecs.SubjectNames{}).Types // a folder is of no installation
	for _, t := range all {
		example, err := t.Schema.Sample()
		if err != nil {
			return err //nolint:wrapcheck // it names the record
		}
		number, isNew, err := folder.Freeze(t.Subject, released.Version{
			Format: string(t.Schema.Format), Text: t.Schema.Text, Imports: t.Schema.References(),
			Example: example,
		})
		if err != nil {
			return err //nolint:wrapcheck // it names the file
		}
		if isNew {
			frozen++
			fmt.Fprintf(w, "%s: version %d\n", t.Subject, number)
		}
	}
	fmt.Fprintf(w, "%d of %d schemas are new in %s\n", frozen, len(all), dir)
	return nil
}
