package schemas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"refold/codecs"
	"refold/processors"
	"refold/program/command"
	"refold/program/operate/catalogue"
	"refold/program/operate/catalogue/asyncapi"
	"refold/program/operate/catalogue/html"
	"refold/program/operate/catalogue/markdown"
)

// docsFlags are those of docs.
type docsFlags struct {
	format, title, out, against string
	json, noHistory             bool
}

// The formats of docs.
const (
	formatMarkdown = "markdown"
	formatHTML     = "html"
	formatAsyncAPI = "asyncapi"
)

func (p commands) newDocs() *cobra.Command {
	var f docsFlags
	cmd := &cobra.Command{
		Use:   "docs",
		Short: "Write a catalogue of all commands, events, rows and results: Markdown, HTML or AsyncAPI",
		Long: `Write a catalogue of what the program takes and emits: its aggregates with their topics, each
command, event, row and result with its fields, rules, an example and the versions that there were,
rejections, processes with what they react to and send, and a diagram of the flow.

  markdown  for a Git host, with a Mermaid diagram; one file, or in a folder one of each aggregate
  html      one file that needs no network and no script
  asyncapi  AsyncAPI 3.0 in YAML, or in JSON with --json: servers, channels, messages, operations

Versions come from the registry, with --against from a folder that "schemas freeze" has written, and with
--no-history from the definitions alone. Topics, retention and servers are those of the configuration;
passwords and tokens are left out. Examples are found by trying those of the definitions: events are what the
aggregate decides for its example commands, and what a process sends is what it does for these events. So
there may be more ways than the catalogue shows.

The same definitions, configuration and history are written as the same bytes.`,
		Example: `  processor schemas docs --against schemas/released --out docs/catalogue/
  processor schemas docs --format html --out catalogue.html
  processor schemas docs --format asyncapi --json --no-history`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return p.with(cmd, f.against, func(ctx context.Context, loaded *command.Loaded, o *opened) error {
				c, err := f.catalogue(ctx, loaded, o)
				if err != nil {
					return err
				}
				return f.write(cmd.OutOrStdout(), c)
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&f.format, "format", formatMarkdown, "markdown, html or asyncapi")
	cmd.Flags().StringVar(&f.title, "title", "Event catalogue", "title of the catalogue")
	cmd.Flags().StringVar(&f.out, "out", "",
		"file, or folder (it exists, or ends in /) to write to, instead of standard output")
	cmd.Flags().BoolVar(&f.json, "json", false, "asyncapi: write JSON instead of YAML")
	cmd.Flags().StringVar(&f.against, "against", "", "folder of released schemas, instead of a registry")
	cmd.Flags().BoolVar(&f.noHistory, "no-history", false, "ask neither a registry nor a folder for versions")
	return cmd
}

func (f docsFlags) check() error {
	switch {
	case f.format != formatMarkdown && f.format != formatHTML && f.format != formatAsyncAPI:
		return fmt.Errorf("--format is %q; it must be markdown, html or asyncapi", f.format)
	case f.json && f.format != formatAsyncAPI:
		return errors.New("--json is for --format asyncapi")
	case f.noHistory && f.against != "":
		return errors.New("--no-history and --against contradict each other")
	}
	return nil
}

// catalogue returns the catalogue of a program.
func (f docsFlags) catalogue(
	ctx context.Context, loaded *command.Loaded, o *opened,
) (*catalogue.Catalogue, error) {
	in := catalogue.Input{
		Title: f.title, Version: loaded.Version, Prefix: loaded.Prefix(), Opened: o.opened,
		TopicsOf: loaded.Topics, Topics: loaded.TopicSpecs(), Level: loaded.Compatibility,
		Servers: serversOf(loaded),
	}
	if !f.noHistory {
		in.History = documented{o.history, o.types}
	}
	c, err := catalogue.New(ctx, in)
	if errors.Is(err, codecs.ErrRegistryUnavailable) {
		return nil, fmt.Errorf("%w; --against and --no-history need no registry", err)
	}
	return c, err //nolint:wrapcheck // it names the aggregate
}

// serversOf returns where the brokers and the registry are. It leaves out secrets.
func serversOf(loaded *command.Loaded) catalogue.Servers {
	k := loaded.Config.Kafka
	s := catalogue.Servers{
		Brokers: k.Brokers, TLS: k.TLS.Enabled, Certificate: k.TLS.CertFile != "",
		Mechanism: k.SASL.Mechanism, TokenURL: k.SASL.OAuth.TokenURL, Scope: k.SASL.OAuth.Scope,
	}
	r := loaded.Config.Registry
	for _, url := range r.URLs {
		s.Registries = append(s.Registries, withoutUser(url))
	}
	s.IDInHeader = codecs.SchemaIDPlace(r.SchemaID) == codecs.InHeader
	s.Lookup = lookups[codecs.SubjectStrategy(r.Subjects)]
	return s
}

// lookups are Confluent's names of the ways to name subjects.
var lookups = map[codecs.SubjectStrategy]string{
	codecs.ByRecord: "RecordNameStrategy", codecs.ByTopic: "TopicNameStrategy",
	codecs.ByTopicRecord: "TopicRecordNameStrategy",
}

// withoutUser returns a URL without a name and a password in front of its host.
func withoutUser(url string) string {
	scheme, rest, has := strings.Cut(url, "://")
	if !has {
		return url
	}
	host, path, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	return strings.TrimSuffix(scheme+"://"+host+"/"+path, "/")
}

// documented is a history as the catalogue takes it: by the names of records.
type documented struct {
	history
	types *processors.Catalog
}

func (h documented) Name() string { return h.name() }

func (h documented) Subjects(ctx context.Context) ([]string, error) { return h.subjects(ctx) }

func (h documented) Versions(ctx context.Context, record string) ([]catalogue.SchemaVersion, error) {
	found, err := h.versions(ctx, h.types.SubjectOf(record))
	versions := make([]catalogue.SchemaVersion, len(found))
	for i, v := range found {
		versions[i] = catalogue.SchemaVersion{Number: v.number, Schema: v.schema, Err: v.err}
	}
	return versions, err
}

// write writes the catalogue to standard output, to a file, or to files in a folder.
func (f docsFlags) write(stdout io.Writer, c *catalogue.Catalogue) error {
	if folder := f.folder(); folder != "" {
		files := map[string]string{}
		switch f.format {
		case formatMarkdown:
			files = markdown.Folder(c)
		default:
			name, text, err := f.single(c)
			if err != nil {
				return err
			}
			files[name] = text
		}
		return writeFiles(folder, files)
	}
	_, text, err := f.single(c)
	if err != nil {
		return err
	}
	if f.out != "" {
		return writeFiles(filepath.Dir(f.out), map[string]string{filepath.Base(f.out): text})
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		return fmt.Errorf("print the catalogue: %w", err)
	}
	return nil
}

// folder returns the folder to write to; "" if a file is meant.
func (f docsFlags) folder() string {
	if about, err := os.Stat(f.out); strings.HasSuffix(f.out, "/") || err == nil && about.IsDir() {
		return filepath.Clean(f.out)
	}
	return ""
}

// single returns the catalogue as one text, and the name of its file in a folder.
func (f docsFlags) single(c *catalogue.Catalogue) (name, text string, err error) {
	var b bytes.Buffer
	switch {
	case f.format == formatMarkdown:
		return "README.md", markdown.Text(c), nil
	case f.format == formatHTML:
		name, err = "index.html", html.Write(&b, c)
	case f.json:
		name, err = "asyncapi.json", asyncapi.WriteJSON(&b, c)
	default:
		name, err = "asyncapi.yaml", asyncapi.WriteYAML(&b, c)
	}
	return name, b.String(), err //nolint:wrapcheck // it says what it was writing
}

func writeFiles(folder string, files map[string]string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // documentation is for everybody
		return fmt.Errorf("write the catalogue: %w", err)
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // the same
			return fmt.Errorf("write the catalogue: %w", err)
		}
	}
	return nil
}
