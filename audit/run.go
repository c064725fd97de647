package audit

import (
	"context"
	"fmt"
	"strings"
)

// Options say what Run reads and what it compares with.
type Options struct {
	Source
	// Kinds are the kinds of aggregates; without any, they are accounts and orders.
	Kinds []Kind
	// Told are files with what clients were told, see [Told].
	Told []string
	// Poison are files with what was sent as poison, see [Poison]; without any there was none.
	Poison []string
	// Stores are directories of the local stores of workers that are stopped, or copies of such.
	Stores []string
	// Workers are the URLs of running workers, whose views are compared.
	Workers []string
	// ReadModels are the projections whose rows are compared, in all Databases: URLs of PostgreSQL and Redis,
	// or sqlite: and a path. Without databases none is.
	ReadModels []ReadModel
	Databases  []string
	// Sample is of how many aggregates of a kind each worker is asked for the history, and how many
	// traces it is asked for; 0: of all.
	Sample int
}

// Summary is what Run found.
type Summary struct {
	Tally
	Commands, Events int64
	// Lines say what was read, Notes what was not checked and why.
	Lines, Notes []string
}

// String returns the last line of a report: every counter, in the order of [Counters].
func (s *Summary) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "commands=%d events=%d", s.Commands, s.Events)
	for _, counter := range Counters {
		fmt.Fprintf(&line, " %s=%d", counter, s.Counts[counter])
	}
	return line.String()
}

// Run reads everything from offset zero, when all that the commands have led to is done, and checks
// it. It holds one partition at a time, some 3 KB for each of its commands, and of all of them what is
// needed to compare across partitions: some 200 bytes a command. By what 820,000 were measured at, five
// million in eight partitions come to 2 GB of live memory, and 3 GB of a process. Read models take some 1 KB
// for each row of each build, and for each state. The error says what
// could not be read: then there is no verdict.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if len(o.Kinds) == 0 {
		o.Kinds = []Kind{Accounts, Orders}
	}
	var err error
	if o.Kinds, err = inOrder(o.Kinds); err != nil {
		return nil, err
	}
	r, err := newReader(ctx, o.Source)
	if err != nil {
		return nil, err
	}
	defer r.close()
	m, err := openModels(ctx, o, r)
	if err != nil {
		return nil, err
	}
	defer m.close()
	run := &run{options: o, reader: r, ledger: newLedger(o.Kinds...), models: m, summary: new(Summary)}
	run.ledger.serve(o)
	for _, check := range []func(context.Context) error{
		run.worlds, run.letters, run.offsets, run.told, run.workers, run.readModels,
	} {
		if err := check(ctx); err != nil {
			return nil, err
		}
	}
	for _, kind := range o.Kinds {
		run.summary.Commands += run.ledger.commands[kind.Name]
		run.summary.Events += run.ledger.events[kind.Name]
	}
	return run.summary, nil
}

// run is one call of Run.
type run struct {
	options Options
	reader  *reader
	ledger  *ledger
	models  *models // nil: they are not compared
	summary *Summary
}

func (r *run) line(format string, args ...any) {
	r.summary.Lines = append(r.summary.Lines, fmt.Sprintf(format, args...))
}

// letters checks the dead letters.
func (r *run) letters(context.Context) error {
	var sent []Poison
	for _, path := range r.options.Poison {
		more, err := ReadPoison(path)
		if err != nil {
			return err
		}
		sent = append(sent, more...)
	}
	var found breaches
	n := checkLetters(&found, r.reader.letters, r.reader.aside, sent, r.reader.passed)
	for _, name := range r.reader.open {
		found.breach("G3", Open, "%s has an open transaction", name)
	}
	r.summary.Add(found.found...)
	r.line("dead-letters: %d, %d were sent as poison", n, len(sent))
	if n := len(r.reader.aside); n > 0 {
		r.line("set aside by projections: %d events", n)
	}
	if n := len(r.reader.passed); n > 0 {
		r.line("beyond the limits of IDs, as earlier versions wrote them: %d events and results", n)
	}
	return nil
}

// worlds checks each partition of each kind, and the stores of its table.
func (r *run) worlds(ctx context.Context) error {
	s := &stores{
		source: r.options.Source, dirs: r.options.Stores, ledger: r.ledger, schemas: r.reader.schemas,
		found: make(map[string]int),
	}
	for _, kind := range r.options.Kinds {
		err := r.reader.eachWorld(ctx, kind, s, func(w *World) error {
			r.summary.Add(w.Check()...)
			r.ledger.add(w)
			r.models.add(w)
			return s.check(ctx, w)
		})
		if err != nil {
			return err
		}
		r.line("%s: %d commands, %d events, %d rows; %d offsets of events are of no committed "+
			"transaction", kind.Plural, r.ledger.commands[kind.Name], r.ledger.events[kind.Name],
			r.ledger.rows[kind.Name], r.ledger.aborted[kind.Name])
	}
	for _, dir := range s.dirs {
		if s.found[dir] == 0 {
			return fmt.Errorf("there is no store of a table in %s", dir)
		}
	}
	if len(s.dirs) > 0 {
		r.line("stores: %d partitions of tables in %d directories", s.checked, len(s.dirs))
	}
	r.summary.Add(s.breaches.found...)
	r.summary.Notes = append(r.summary.Notes, s.notes...)
	r.summary.Add(r.ledger.close()...)
	return nil
}

// offsets checks that all groups have come to the ends of all their inputs.
func (r *run) offsets(ctx context.Context) error {
	list, err := inputs(ctx, r.options.Source, r.options.Kinds...)
	if err != nil {
		return err
	}
	for _, kind := range r.options.Kinds {
		in, err := input(ctx, r.options.Source, kind.Plural, kind.commands())
		if err != nil {
			return err
		}
		list = append(list, in)
	}
	var found breaches
	for _, in := range list {
		offsets(&found, in.Group, in.Topic, in.Committed, in.Ends)
	}
	r.summary.Add(found.found...)
	return nil
}

// told checks what clients were told.
func (r *run) told(context.Context) error {
	n := 0
	for _, path := range r.options.Told {
		r.ledger.found = nil
		err := EachTold(path, func(t *Told) {
			n++
			r.ledger.told(t)
		})
		if err != nil {
			return err
		}
		r.summary.Add(r.ledger.found...)
	}
	if len(r.options.Told) > 0 {
		r.line("told: %d answers", n)
	}
	return nil
}
