package operate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/program/command"
)

type trailList struct {
	who, what string
	limit     int
	json      bool
}

func (p *commands) newAuditTrail() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit-trail", Short: "Look at who did what to the installation", Args: cobra.NoArgs,
		RunE: command.ShowHelp,
	}
	cmd.AddCommand(p.newAuditTrailList())
	return cmd
}

func (p *commands) newAuditTrailList() *cobra.Command {
	var l trailList
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List who did what, the newest first",
		Long: `List who did what by the console, by the API's endpoints for operators, and by the command
line; the newest first.

An operation has two records: begun, before anything is done, and done, refused or failed. Of one that has
ended only the second is listed.

--json prints one JSON object per line, with these members; those in brackets only if they have a value:
  sequence, id, time   which record it is; id is the same in both records of an operation
  stage                begun, done, refused or failed
  who, from, at        who it was; console, http or command-line; the worker or the host
  what, [on], [path]   what was done, on what, and where the console shows that
  [parameters]         names and values
  [outcome]            why it was refused or failed

Exit codes: 0 listed (also if there is none), 1 anything else.`,
		Example: `  processor audit-trail list --who alice
  processor audit-trail list --json --limit 0 | jq -r .what | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(p, cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&l.who, "who", "", "by whoever has this in the name")
	f.StringVar(&l.what, "what", "", "with this in what was done, on what, or in a parameter")
	f.IntVar(&l.limit, "limit", defaultListed, "list so many at most; 0: all")
	f.BoolVar(&l.json, "json", false, "print a JSON object a line")
	p.Options.AddFlags(f)
	return cmd
}

// trailPage is how many records are asked for at a time.
const trailPage = 500

func (l *trailList) run(p *commands, cmd *cobra.Command) error {
	if l.limit < 0 {
		return errors.New("--limit can't be less than 0")
	}
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	trail, err := loaded.Trail()
	if err != nil {
		return err
	}
	defer trail.Close()
	listed, out := 0, cmd.OutOrStdout()
	for q := (audittrail.Query{Who: l.who, What: l.what, Limit: trailPage}); ; {
		page, err := trail.Read(cmd.Context(), q)
		if err != nil {
			return command.Explained(fmt.Errorf("%w (kafka.brokers: %s)", err,
				strings.Join(loaded.Config.Kafka.Brokers, ",")))
		}
		for i := range page.Records {
			if l.limit > 0 && listed == l.limit {
				fmt.Fprintf(cmd.ErrOrStderr(), "there are more; --limit is %d\n", l.limit)
				return nil
			}
			listed++
			if err := l.print(out, &page.Records[i]); err != nil {
				return err
			}
		}
		if q.Before = page.Next; q.Before == 0 {
			break
		}
	}
	if listed == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "nothing")
	}
	return nil
}

func (l *trailList) print(w io.Writer, r *audittrail.Record) error {
	if l.json {
		return json.NewEncoder(w).Encode(r)
	}
	var with strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Parameters)) {
		fmt.Fprintf(&with, " %s=%s", command.Legible(name), command.Shortened(r.Parameters[name], 64))
	}
	text := fmt.Sprintf("%s  %-7s  %-20s  %s %s%s", r.Time.Format(time.RFC3339), r.Stage,
		command.Legible(r.Who), command.Legible(r.What), command.Legible(r.On), with.String())
	if r.Outcome != "" {
		text += ": " + command.Shortened(r.Outcome, longestMessage)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
