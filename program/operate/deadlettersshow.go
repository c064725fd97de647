package operate

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/config"
	"refold/installation"
	"refold/processors/deadletters"
	"refold/program/command"
)

// maxDumped is how many bytes of a value that can't be decoded are shown: the beginning, which tells
// what it is. --raw has all.
const maxDumped = 512

type letterShow struct {
	raw, json bool
}

func (p *commands) newDeadLettersShow() *cobra.Command {
	var s letterShow
	cmd := &cobra.Command{
		Use:   "show PARTITION/OFFSET",
		Short: "Show a dead letter: where it came from, what was wrong, and what is in it",
		Long: `Show a dead letter: where it came from, what was wrong, its headers, and its value.
The value is shown as JSON if the registry has the schema that it was written with; otherwise its
first bytes are shown.

--json prints the members of list --json, and these: headers (a list of name and value, or valueBase64 if
the value is not UTF-8), valueBase64, and either schema and value (the value as JSON) or undecodable (the
reason why there is no JSON).

Exit codes: 0 shown, 5 there is no dead letter at that place, 1 anything else.`,
		Example: `  processor dead-letters show 2/57
  processor dead-letters show 2/57 --raw | xxd | less`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := deadletters.ParseRef(args[0])
			if err != nil {
				return err
			}
			return p.withQueue(cmd, func(queue *deadletters.Queue, loaded *command.Loaded) error {
				return s.run(cmd, queue, loaded.Config, ref)
			})
		},
	}
	cmd.Flags().BoolVar(&s.raw, "raw", false, "write the value's bytes, and nothing else, to standard output")
	cmd.Flags().BoolVar(&s.json, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (s *letterShow) run(
	cmd *cobra.Command, queue *deadletters.Queue, c config.Config, ref deadletters.Ref,
) error {
	letter, err := queue.Get(cmd.Context(), ref)
	if errors.Is(err, deadletters.ErrMissing) || errors.Is(err, deadletters.ErrNoDeadLetter) {
		fmt.Fprintln(cmd.ErrOrStderr(), err)
		return command.ExitError{Code: command.ExitNotFound}
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if s.raw {
		_, err := out.Write(letter.Value)
		return err
	}
	schema, value, why := decodeLetter(cmd.Context(), c, codecs.Framed(letter.Headers, letter.Value))
	if s.json {
		return showJSON(out, letter, schema, value, why)
	}
	showText(out, letter)
	if letter.CutBytes != "" {
		_, err := fmt.Fprintf(out, "value        none: the record had %s bytes, too many for the dead "+
			"letters; its origin has it whole\n", command.Legible(letter.CutBytes))
		return err
	}
	return showValue(out, letter.Value, schema, value, why)
}

// decodeLetter returns the value as JSON, or why it can't be.
func decodeLetter(
	ctx context.Context, c config.Config, value []byte,
) (schema string, decoded []byte, why error) {
	if _, _, err := codecs.SplitWire(value); err != nil {
		return "", nil, err // without asking anybody
	}
	registry, err := codecs.NewRegistry((&installation.Installation{Config: c}).Registry())
	if err != nil {
		return "", nil, err
	}
	defer registry.Close()
	return registry.ToJSON(ctx, value)
}

func showText(w io.Writer, l *deadletters.Letter) {
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", name, command.Legible(value))
		}
	}
	say("dead letter", l.Ref.String())
	say("set aside", l.Time.Format(time.RFC3339Nano))
	say("reason", l.Reason)
	say("message", l.Message)
	say("from", originText(l))
	if !l.Origin.Time.IsZero() {
		say("of", l.Origin.Time.Format(time.RFC3339Nano))
	}
	say("projection", l.Projection)
	say("group", l.Group)
	say("version", l.Version)
	say("replay to", l.ReplayTopic)
	say("replay of", l.ReplayOf)
	if l.Settled != nil {
		fmt.Fprintf(w, "%-12s %s\n", "settled", settledText(l.Settled))
	} else {
		say("settled", "no, it is open")
	}
	say("key", string(l.Key))
	fmt.Fprintf(w, "headers      %d\n", len(l.Headers))
	for _, h := range l.Headers {
		fmt.Fprintf(w, "  %-18s %s\n", command.Legible(h.Key), command.Legible(string(h.Value)))
	}
	if _, err := codecs.MetadataFromRecord(l.Headers); err != nil {
		fmt.Fprintf(w, "  (as CloudEvents: %s)\n", command.Legible(err.Error()))
	}
}

func showValue(w io.Writer, raw []byte, schema string, value []byte, why error) error {
	if why == nil {
		var indented bytes.Buffer
		if err := json.Indent(&indented, value, "", "  "); err != nil {
			return fmt.Errorf("show the value: %w", err)
		}
		_, err := fmt.Fprintf(w, "value        %d bytes, %s\n%s\n", len(raw), command.Legible(schema),
			indented.String())
		return err
	}
	fmt.Fprintf(w, "value        %d bytes; %s\n", len(raw), command.Legible(why.Error()))
	dump := hex.Dump(raw[:min(len(raw), maxDumped)])
	if len(raw) > maxDumped {
		dump += fmt.Sprintf("and %d bytes more; --raw writes all of them\n", len(raw)-maxDumped)
	}
	_, err := io.WriteString(w, dump)
	return err
}

// letterHeader is a header of show --json.
type letterHeader struct {
	Name        string `json:"name"`
	Value       string `json:"value,omitempty"`
	ValueBase64 string `json:"valueBase64,omitempty"`
}

func showJSON(w io.Writer, l *deadletters.Letter, schema string, value []byte, why error) error {
	shown := struct {
		letterEntry
		Headers     []letterHeader  `json:"headers"`
		ValueBase64 []byte          `json:"valueBase64"`
		Schema      string          `json:"schema,omitempty"`
		Value       json.RawMessage `json:"value,omitempty"`
		Undecodable string          `json:"undecodable,omitempty"`
	}{letterEntry: entryOf(l), Headers: []letterHeader{}, ValueBase64: l.Value}
	for _, h := range l.Headers {
		header := letterHeader{Name: h.Key}
		header.Value, header.ValueBase64 = textOrBase64(h.Value)
		shown.Headers = append(shown.Headers, header)
	}
	if why != nil {
		shown.Undecodable = why.Error()
	} else {
		shown.Schema, shown.Value = schema, value
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(shown)
}
