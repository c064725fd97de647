package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// SourceKind is where a value comes from.
type SourceKind string

// The kinds of sources, in rising precedence. FromProgram is what a subcommand insists on.
const (
	FromDefault SourceKind = "default"
	FromProgram SourceKind = "program"
	FromFile    SourceKind = "file"
	FromEnv     SourceKind = "environment"
	FromFlag    SourceKind = "flag"
)

// Source says where a value comes from: its kind, and the file, variable or flag.
type Source struct {
	Kind SourceKind
	Name string
}

// IsDefault reports whether nobody has given the value.
func (s Source) IsDefault() bool { return s.Kind == FromDefault }

func (s Source) String() string {
	if s.Name == "" {
		return string(s.Kind)
	}
	return string(s.Kind) + " " + s.Name
}

// fileFlag and fileEnv name the YAML file.
const (
	fileFlag = "config"
	fileEnv  = EnvPrefix + "CONFIG"
)

// AddFlags adds a flag for every option but the secrets, and --config.
func (all *Options) AddFlags(flags *pflag.FlagSet) {
	flags.String(fileFlag, "", "YAML file with the configuration (or "+fileEnv+")")
	for _, o := range all.all {
		if o.secret() {
			continue // a flag would show in every list of processes
		}
		help := o.help
		if allowed := o.allowed(); allowed != "" {
			help += " Allowed: " + allowed + "."
		}
		if o.byText != "" {
			help += " (default " + o.byText + ")"
		}
		flag := flags.VarPF(&flagValue{kind: o.kind()}, o.path, "", help)
		if o.kind() == "bool" {
			flag.NoOptDefVal = "true" // --kafka.tls.enabled, as people write it
		}
	}
}

// flagValue takes a flag's text as it is: Load judges it together with all others.
type flagValue struct{ kind, text string }

func (v *flagValue) Set(text string) error { v.text = text; return nil }
func (v *flagValue) String() string        { return v.text }
func (v *flagValue) Type() string          { return v.kind }

// Loaded is a configuration that has been checked, and where its values come from.
type Loaded struct {
	Config  Config
	options *Options
	sources map[string]Source
}

// Source returns where an option's value comes from.
func (l *Loaded) Source(path string) Source { return l.sources[path] }

// LoadOptions says where to look.
type LoadOptions struct {
	// Flags, after parsing, with the flags of AddFlags; may be nil.
	Flags *pflag.FlagSet
	// Environ is what os.Environ returns.
	Environ []string
	// Defaults replace the options' own, by path: what a subcommand does differently.
	Defaults map[string]string
	// Check finds what only the packages that use the values know to be wrong; may be nil. Its
	// mistakes are reported with all others, save for options that are wrong already.
	Check func(Config) Mistakes
}

// Load collects the values, and checks all of them. The error is [Mistakes], or says why the file
// can't be read.
func (all *Options) Load(o LoadOptions) (*Loaded, error) {
	l := &loader{
		Loaded: &Loaded{options: all, sources: make(map[string]Source, len(all.all))},
		known:  make(map[string]option, len(all.all)),
	}
	l.Config.Aggregates = make(map[string]*Aggregate)
	for _, name := range all.names() {
		l.Config.Aggregates[name] = &Aggregate{}
	}
	for _, opt := range all.all {
		l.known[opt.path] = opt
		l.set(opt, opt.byText, Source{Kind: FromDefault})
	}
	for path, value := range o.Defaults {
		l.set(l.known[path], value, Source{Kind: FromProgram})
	}
	if file := fileName(o); file != "" {
		if err := l.file(file); err != nil {
			return nil, err
		}
	}
	l.environ(o.Environ)
	l.flags(o.Flags)
	l.secretFiles()
	l.check(l.Config.contradictions())
	if o.Check != nil {
		l.check(o.Check(l.Config))
	}
	if len(l.mistakes) > 0 {
		return nil, l.mistakes
	}
	return l.Loaded, nil
}

// fileName returns the YAML file's, if there is to be one.
func fileName(o LoadOptions) string {
	if o.Flags != nil {
		if name, err := o.Flags.GetString(fileFlag); err == nil && name != "" {
			return name
		}
	}
	for _, pair := range o.Environ {
		if name, value, _ := strings.Cut(pair, "="); name == fileEnv {
			return value
		}
	}
	return ""
}

// loader is a configuration in the making.
type loader struct {
	*Loaded
	known    map[string]option
	mistakes Mistakes
}

// check takes mistakes that show only when all values are known.
func (l *loader) check(found Mistakes) {
	for _, m := range found {
		from, known := l.sources[m.Path]
		wrongAlready := slices.ContainsFunc(l.mistakes, func(other Mistake) bool {
			// A list may have several wrong items, each of which is told.
			return other.Path == m.Path && (other.Value == m.Value || other.Source != from)
		})
		if wrongAlready {
			continue
		}
		m.Source = from
		if o := l.known[m.Path]; known && o.secret() && m.Value != "" {
			m.Value = hidden
		}
		l.mistakes = append(l.mistakes, m)
	}
}

// set takes a value. What is empty, and has a bound or a choice, is not one.
func (l *loader) set(o option, value string, from Source) {
	field := o.field(&l.Config)
	before := reflect.ValueOf(field.Interface())
	if err := o.set(&l.Config, value); err != nil {
		field.Set(before)
		if o.secret() {
			value = hidden
		}
		if value == "" {
			err = fmt.Errorf("is empty; allowed: %w", err)
		}
		l.mistakes = append(l.mistakes, Mistake{o.path, from, value, err.Error()})
		return
	}
	// A value that replaces a wrong one of lower precedence doesn't mend it: whoever wrote that
	// should know.
	l.sources[o.path] = from
}

func (l *loader) environ(environ []string) {
	byEnv := make(map[string]option, len(l.options.all))
	names := []string{fileEnv}
	for _, o := range l.options.all {
		byEnv[o.env()] = o
		names = append(names, o.env())
	}
	environ = slices.Sorted(slices.Values(environ))
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || name == fileEnv {
			continue
		}
		from := Source{FromEnv, name}
		if o, is := byEnv[name]; is {
			l.set(o, value, from)
			continue
		}
		l.unknown(name, from, nearest(name, names))
	}
}

func (l *loader) unknown(name string, from Source, like string) {
	text := "this is no option"
	if like != "" {
		text += "; did you mean " + like + "?"
	}
	l.mistakes = append(l.mistakes, Mistake{name, from, "", text})
}

func (l *loader) flags(flags *pflag.FlagSet) {
	if flags == nil {
		return
	}
	flags.Visit(func(f *pflag.Flag) {
		if o, is := l.known[f.Name]; is {
			l.set(o, f.Value.String(), Source{FromFlag, "--" + f.Name})
		}
	})
}

// secretFiles checks that files of secrets can be read now, rather than at three in the morning.
func (l *loader) secretFiles() {
	for _, o := range l.options.all {
		if !strings.HasSuffix(o.path, "-file") {
			continue
		}
		name := o.field(&l.Config).String()
		if name == "" {
			continue
		}
		file, err := os.Open(name)
		if err == nil {
			err = file.Close()
		}
		var why *fs.PathError
		if errors.As(err, &why) {
			l.mistakes = append(l.mistakes, Mistake{
				o.path, l.sources[o.path], name,
				fmt.Sprintf("a file that can be read (%v)", why.Err),
			})
		}
	}
}
