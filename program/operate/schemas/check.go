package schemas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/codecs/released"
	"refold/processors"
	"refold/program/command"
)

// checkFlags are those of check.
type checkFlags struct {
	json, missing bool
	against       string
}

func (p commands) newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare the program's schemas with all earlier versions, and with what the registry has",
		Long: `Compare each command, event, row and result of the program with every version of its subject,
at the level FULL_TRANSITIVE (registry.compatibility, registry.compatibility-overrides): today's program
reads what was ever written, and earlier programs read what it writes. Each break is shown with the path of
the field, the rule of the Avro specification, and what would be compatible. Types that there were and that
the program has no more are named. The registry must have all schemas of the program, unless --allow-missing
is set.

With --against no registry is needed: the history is a folder that "schemas freeze" has written.

Exit code 1: there is a break, a dropped type, or a schema that is missing or can't be read.

--json prints one object: against, compatible, types (subject, type, kind, aggregate, level, versions,
latest, changes, breaks, upcast, written, downcast), dropped (subject, aggregate, versions, remedy) and
problems. A break has version, path, direction (backward, forward), kind, reason, rule, remedy, and silent
if records are read without an error. Changes are those since the latest version, as "schemas diff" has
them.`,
		Example: `  processor schemas check
  processor schemas check --allow-missing --json     in a pull request, before the schemas are registered
  processor schemas check --against schemas/released in a pull request, without a registry`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.with(cmd, f.against, func(ctx context.Context, loaded *command.Loaded, o *opened) error {
				return f.run(ctx, cmd.OutOrStdout(), loaded, o)
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object")
	cmd.Flags().BoolVar(&f.missing, "allow-missing", false, "the registry may lack schemas of the program")
	cmd.Flags().StringVar(&f.against, "against", "", "folder of released schemas, instead of a registry")
	return cmd
}

func (f checkFlags) run(ctx context.Context, w io.Writer, loaded *command.Loaded, o *opened) error {
	r, err := compare(ctx, o.types, o.history, loaded.Compatibility)
	if err != nil {
		return err
	}
	if f.against == "" {
		r.add(f.problems(ctx, o.opened))
	}
	if f.json {
		err = printJSON(w, r)
	} else {
		r.print(w)
	}
	if err == nil && !r.Compatible {
		err = command.ExitError{Code: command.ExitFailed}
	}
	return err
}

// problems returns what the program would find when it starts.
func (f checkFlags) problems(ctx context.Context, opened *processors.Opened) error {
	if !f.missing {
		if err := opened.Prepare(ctx); err != nil {
			return err //nolint:wrapcheck // it names the schemas
		}
		return opened.CheckVersions(ctx) //nolint:wrapcheck // it names the versions
	}
	errs := []error{opened.CheckVersions(ctx)}
	for _, a := range opened.Aggregates {
		errs = append(errs, a.Events.CheckVersions(ctx), a.Rows.CheckVersions(ctx))
	}
	return errors.Join(errs...)
}

// add adds problems to the report, a line each.
func (r *report) add(problems error) {
	if problems == nil {
		return
	}
	r.Compatible = false
	r.Problems = append(r.Problems, strings.Split(problems.Error(), "\n")...)
}

// opened are a program's types, and their history.
type opened struct {
	registry *codecs.Registry // the caller closes it
	opened   *processors.Opened
	types    *processors.Catalog
	history  history
}

// with calls do with the program's types and their history, which it opens for looking up only and closes.
func (p commands) with(
	cmd *cobra.Command, folder string, do func(context.Context, *command.Loaded, *opened) error,
) error {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err //nolint:wrapcheck // it lists the mistakes
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
	defer cancel()
	o, err := open(loaded, folder, codecs.LookUp)
	if err != nil {
		return err
	}
	defer o.registry.Close()
	return do(ctx, loaded, o)
}

// open opens the types of a program, and their history: a folder, or the registry if there is no name of one.
func open(loaded *command.Loaded, folder string, mode codecs.Mode) (*opened, error) {
	registry, all, err := loaded.Open(func(s *codecs.RegistrySettings) { s.Mode = mode })
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	o := &opened{registry: registry, opened: all}
	if folder == "" {
		types := all.Catalog(registry.SubjectNames())
		o.types, o.history = &types, inRegistry{registry, &types}
		return o, nil
	}
	f, err := released.Open(folder)
	if err != nil {
		registry.Close()
		return nil, err //nolint:wrapcheck // it names the files
	}
	types := all.Catalog(codecs.SubjectNames{}) // a folder is of no installation
	o.types, o.history = &types, inFolder{f, folder}
	return o, nil
}

// print prints the report for people.
func (r *report) print(w io.Writer) {
	versions, breaks := 0, 0
	for _, t := range r.Types {
		versions += len(t.Versions)
		for _, b := range t.Breaks {
			breaks++
			fmt.Fprintf(w, "%s, version %d: %s\n  %s (%s): %s\n  %s\n  instead: %s\n", t.Subject, b.Version,
				b.Path, b.Direction, b.Kind, b.Reason, b.Rule, b.Remedy)
		}
		for _, b := range t.Upcast {
			fmt.Fprintf(w, "%s, version %d: %s is upcast\n", t.Subject, b.Version, b.Path)
		}
		for _, b := range t.Downcast {
			fmt.Fprintf(w, "%s, version %d: %s is downcast\n", t.Subject, b.Version, b.Path)
		}
		t.printWritten(w)
	}
	for _, d := range r.Dropped {
		fmt.Fprintf(w, "%s: the program has no such type\n  %s\n", d.Subject, d.Remedy)
	}
	for _, problem := range r.Problems {
		fmt.Fprintln(w, problem)
	}
	r.printChanged(w)
	if r.Compatible {
		fmt.Fprintf(w, "%d schemas are compatible with the %d versions in the %s\n",
			r.count(), versions, r.Against)
		return
	}
	fmt.Fprintf(w, "%d breaks, %d dropped types, %d other problems, against the %s\n", breaks,
		len(r.Dropped), len(r.Problems), r.Against)
}

// printWritten says what is not written yet.
func (t *checkedType) printWritten(w io.Writer) {
	until := "until aggregates." + t.Aggregate + ".write is latest"
	switch t.Written {
	case string(processors.WrittenFormer):
		fmt.Fprintf(w, "%s: a former version is written %s\n", t.Type, until)
	case string(processors.WrittenNone):
		fmt.Fprintf(w, "%s: is not written %s\n", t.Type, until)
	}
}

// printChanged names the types that are not the latest version.
func (r *report) printChanged(w io.Writer) {
	for _, t := range r.Types {
		switch n := len(t.Versions); {
		case t.Latest || t.Subject != t.Type:
		case n == 0:
			fmt.Fprintf(w, "new: %s\n", t.Subject)
		default:
			fmt.Fprintf(w, "changed since version %d: %s\n", t.Versions[n-1], t.Subject)
			printChanges(w, t.Changes)
		}
	}
}

// count returns how many types the program has.
func (r *report) count() (n int) {
	for _, t := range r.Types {
		if t.Subject == t.Type {
			n++
		}
	}
	return n
}
