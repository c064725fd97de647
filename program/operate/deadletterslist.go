package operate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/processors/deadletters"
	"refold/program/command"
)

// defaultListed is how many dead letters list shows unless it is told: what a terminal still scrolls
// back to.
const defaultListed = 1000

type lettersList struct {
	filter                       letterFilter
	open, settled, json, summary bool
}

func (p *commands) newDeadLettersList() *cobra.Command {
	var l lettersList
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters, the oldest first",
		Long: `List the dead letters that are committed now, the oldest first. Without flags it
lists the open ones.

--json prints one JSON object per line, with these members; those in brackets only if they have a value:
  ref                            PARTITION/OFFSET in the dead-letter topic
  time                           when it was set aside
  reason, message                why: a code, and what exactly was wrong
  topic, partition, offset       where it came from, [originTime] its time there
  [key], [keyBase64]             the record's key; keyBase64 if it is not UTF-8
  [type], [id], [correlationId]  what its CloudEvents headers say
  bytes                          length of its value
  [cutBytes]                     size of a record that was too large: its content is not here
  [group], [version]             the consumer group that set it aside, and the worker's version
  [replayTopic]                  where a replay goes, if the group said so
  [projection]                   the projection that could not take the event: nothing is put back then
  [replayOf]                     the dead letter that it was before: it was replayed, and failed again
  [settled]                      outcome (replayed, discarded, unknown), time, by, note, topic
--json --summary prints reason, topic, count, first and last.

Exit codes: 0 listed (also if there are none), 1 anything else.`,
		Example: `  processor dead-letters list --reason undecodable --since 2h
  processor dead-letters list --summary
  processor dead-letters list --json --limit 0 | jq -r .key | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := l.filter.selection(cmd.Flags(), nil, time.Now())
			if err != nil {
				return err
			}
			s.Open, s.Settled = l.open || !l.settled, l.settled
			return p.withQueue(cmd, func(queue *deadletters.Queue, _ *command.Loaded) error {
				if l.summary {
					return l.summarize(cmd, queue, s)
				}
				return l.list(cmd, queue, s)
			})
		},
	}
	flags := cmd.Flags()
	l.filter.add(flags, defaultListed, "list so many at most; 0: all")
	flags.BoolVar(&l.open, "open", false, "list open ones (the default); with --settled: all")
	flags.BoolVar(&l.settled, "settled", false, "list those that were replayed or discarded")
	flags.BoolVar(&l.json, "json", false, "print a JSON object a line")
	flags.BoolVar(&l.summary, "summary", false, "count them by reason and topic")
	cmd.MarkFlagsMutuallyExclusive("summary", "limit")
	p.Options.AddFlags(flags)
	return cmd
}

func (l *lettersList) list(
	cmd *cobra.Command, queue *deadletters.Queue, s deadletters.Selection,
) error {
	out := cmd.OutOrStdout()
	write := letterLine
	if l.json {
		write = letterJSON
	}
	listed := 0
	reading, err := queue.Each(cmd.Context(), s, func(letter *deadletters.Letter) error {
		if listed == 0 && !l.json {
			if err := letterHeading(out); err != nil {
				return err
			}
		}
		listed++
		return write(out, letter)
	})
	if err != nil {
		return err
	}
	if listed == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no dead letters")
	}
	mention(cmd.ErrOrStderr(), reading, s.Limit)
	return nil
}

// A line of the table. Its columns have the width of what is usual; what is longer pushes the rest.
const letterColumns = "%-11s  %-20s  %-16s  %-28s  %-18s  %s\n"

const longestMessage = 100 // characters: show has all of it

func letterHeading(w io.Writer) error {
	_, err := fmt.Fprintf(w, letterColumns, "DEAD LETTER", "SET ASIDE", "REASON", "FROM", "KEY", "MESSAGE")
	return err
}

func letterLine(w io.Writer, l *deadletters.Letter) error {
	text := command.Shortened(l.Message, longestMessage)
	if l.CutBytes != "" {
		text = "cut, had " + command.Shortened(l.CutBytes, 20) + " bytes: " + text
	}
	if l.Projection != "" {
		text = "projection " + command.Shortened(l.Projection, 64) + ": " + text
	}
	if l.ReplayOf != "" {
		text = "again, was " + command.Shortened(l.ReplayOf, 32) + ": " + text
	}
	if l.Settled != nil {
		text = settledText(l.Settled) + "; " + text
	}
	_, err := fmt.Fprintf(w, letterColumns, l.Ref, l.Time.Format(time.RFC3339), command.Legible(l.Reason),
		command.Legible(originText(l)), command.Shortened(string(l.Key), 64), text)
	return err
}

func originText(l *deadletters.Letter) string {
	return fmt.Sprintf("%s %d/%d", l.Origin.Topic, l.Origin.Partition, l.Origin.Offset)
}

func settledText(s *deadletters.Settlement) string {
	if s.Disposition == deadletters.Unknown {
		return "settled, but its marker can't be read"
	}
	text := fmt.Sprintf("%s %s by %s", s.Disposition, s.Time.Format(time.RFC3339), command.Legible(s.By))
	if s.Note != "" {
		text += " (" + command.Legible(s.Note) + ")"
	}
	return text
}

// letterEntry is a dead letter as list --json prints it; show --json adds to it.
type letterEntry struct {
	Ref           deadletters.Ref         `json:"ref"`
	Time          time.Time               `json:"time"`
	Reason        string                  `json:"reason"`
	Message       string                  `json:"message"`
	Topic         string                  `json:"topic"`
	Partition     int32                   `json:"partition"`
	Offset        int64                   `json:"offset"`
	OriginTime    *time.Time              `json:"originTime,omitempty"`
	Key           string                  `json:"key,omitempty"`
	KeyBase64     string                  `json:"keyBase64,omitempty"`
	Type          string                  `json:"type,omitempty"`
	ID            string                  `json:"id,omitempty"`
	CorrelationID string                  `json:"correlationId,omitempty"`
	Bytes         int                     `json:"bytes"`
	CutBytes      string                  `json:"cutBytes,omitempty"`
	Group         string                  `json:"group,omitempty"`
	Version       string                  `json:"version,omitempty"`
	ReplayTopic   string                  `json:"replayTopic,omitempty"`
	Projection    string                  `json:"projection,omitempty"`
	ReplayOf      string                  `json:"replayOf,omitempty"`
	Settled       *deadletters.Settlement `json:"settled,omitempty"`
}

func entryOf(l *deadletters.Letter) letterEntry {
	e := letterEntry{
		Ref: l.Ref, Time: l.Time, Reason: l.Reason, Message: l.Message,
		Topic: l.Origin.Topic, Partition: l.Origin.Partition, Offset: l.Origin.Offset,
		Type: l.Header(codecs.HeaderType), ID: l.Header(codecs.HeaderID),
		CorrelationID: l.Header(codecs.HeaderCorrelationID),
		Bytes:         len(l.Value), CutBytes: l.CutBytes,
		Group: l.Group, Version: l.Version, ReplayTopic: l.ReplayTopic,
		Projection: l.Projection, ReplayOf: l.ReplayOf, Settled: l.Settled,
	}
	if !l.Origin.Time.IsZero() {
		e.OriginTime = &l.Origin.Time
	}
	e.Key, e.KeyBase64 = textOrBase64(l.Key)
	return e
}

// textOrBase64 returns bytes as JSON can hold them.
func textOrBase64(b []byte) (text, encoded string) {
	if utf8.Valid(b) {
		return string(b), ""
	}
	return "", base64.StdEncoding.EncodeToString(b)
}

func letterJSON(w io.Writer, l *deadletters.Letter) error {
	return json.NewEncoder(w).Encode(entryOf(l))
}

func (l *lettersList) summarize(
	cmd *cobra.Command, queue *deadletters.Queue, s deadletters.Selection,
) error {
	counts, reading, err := queue.Summarize(cmd.Context(), s)
	if err != nil {
		return err
	}
	mention(cmd.ErrOrStderr(), reading, 0)
	return l.printSummary(cmd.OutOrStdout(), counts)
}

func (l *lettersList) printSummary(w io.Writer, counts []deadletters.Count) error {
	if l.json {
		encoder := json.NewEncoder(w)
		for _, c := range counts {
			if err := encoder.Encode(c); err != nil {
				return err
			}
		}
		return nil
	}
	const columns = "%8s  %-19s  %-24s  %-20s  %s\n"
	if _, err := fmt.Fprintf(w, columns, "COUNT", "REASON", "FROM", "FIRST", "LAST"); err != nil {
		return err
	}
	var all int64
	for _, c := range counts {
		all += c.Count
		_, err := fmt.Fprintf(w, columns,
			fmt.Sprint(c.Count), command.Legible(c.Reason), command.Legible(c.Topic),
			c.First.Format(time.RFC3339), c.Last.Format(time.RFC3339))
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%8d  in all\n", all)
	return err
}
