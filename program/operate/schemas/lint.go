package schemas

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/codecs/avrotype"
	"refold/codecs/lint"
	"refold/codecs/protobuf"
	"refold/processors"
	"refold/program/command"
)

func (p commands) newLint() *cobra.Command {
	var json bool
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Hold the program's schemas to rules: docs, money, times, names",
		Long: `Hold the program's schemas to rules that no compiler has:

  record-doc, field-doc   every record, enum and field has a doc (a doc tag of the Go field)
  money                   a field named like money (amount, price, …) is no float and no double
  time                    a field named like a time (paidAt, due_date, …) has a logical type
  type-name               records are named like OrderPlaced
  field-name, field-style fields are named like orderId or like order_id, all in one way

Of Protobuf, the comments are the docs, and fields are named like order_id; of JSON Schema, the descriptions
are.

Exit code 1: a rule is broken. --json prints one object: problems, each with path, rule, reason and remedy.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err //nolint:wrapcheck // it lists the mistakes
			}
			return lintTypes(cmd.OutOrStdout(), loaded, json)
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&json, "json", false, "print a JSON object")
	return cmd
}

func lintTypes(w io.Writer, loaded *command.Loaded, json bool) error {
	o, err := open(loaded, "", codecs.LookUp)
	if err != nil {
		return err
	}
	defer o.registry.Close()
	all := o.opened.Catalog(codecs.SubjectNames{}).Types
	problems, err := problemsOf(all)
	if err != nil {
		return err
	}
	if json {
		found := struct {
			Problems []lint.Problem `json:"problems"`
		}{append([]lint.Problem{}, problems...)}
		if err := printJSON(w, found); err != nil {
			return err
		}
	} else {
		for _, problem := range problems {
			fmt.Fprintf(w, "%s (%s): %s\n  instead: %s\n", problem.Path, problem.Rule, problem.Reason,
				problem.Remedy)
		}
		fmt.Fprintf(w, "%d problems in %d schemas\n", len(problems), len(all))
	}
	if len(problems) > 0 {
		return command.ExitError{Code: command.ExitFailed}
	}
	return nil
}

// problemsOf holds schemas to the rules of their formats.
func problemsOf(all []processors.CatalogType) ([]lint.Problem, error) {
	var records []*avrotype.Type
	var texts []string
	var files []*protobuf.File
	for _, t := range all {
		switch file := t.Schema.File(); {
		case file != nil && !slices.ContainsFunc(files, func(f *protobuf.File) bool {
			return f.Text() == file.Text() // messages share it
		}):
			files = append(files, file)
		case t.Schema.Type() != nil:
			records = append(records, t.Schema.Type())
		case t.Schema.Format == codecs.JSONSchema:
			texts = append(texts, t.Schema.Text)
		}
	}
	inJSON, err := lint.CheckJSONSchemas(texts...)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the text
	}
	return slices.Concat(lint.Check(records...), inJSON, lint.CheckProtobuf(files...)), nil
}
