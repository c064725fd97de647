package config

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// WriteYAML prints the effective configuration as a file that loads to the same, with what each
// option is and where its value comes from. Secrets are printed as ***, commented out.
func (l *Loaded) WriteYAML(w io.Writer) error {
	var b strings.Builder
	var open []string
	for _, o := range l.options.all {
		names := strings.Split(o.path, ".")
		sections, name := names[:len(names)-1], names[len(names)-1]
		for i, section := range sections {
			if i < len(open) && open[i] == section {
				continue
			}
			fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), section)
			open = nil
		}
		open = sections
		indent := strings.Repeat("  ", len(sections))
		fmt.Fprintf(&b, "%s# %s\n", indent, o.help)
		comment := ""
		if o.secret() {
			comment = "# "
		}
		fmt.Fprintf(&b, "%s%s%s: %s # %s\n", indent, comment, name,
			yamlValue(o.field(&l.Config).Interface()), l.sources[o.path])
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}

// Value is an option with its value, for people.
type Value struct {
	Path, Text string // the text of a secret is empty
	Source     Source
	// Secret says that the text is left out, Given that there is one.
	Secret, Given bool
	Default       string
	Help, Allowed string
	Env           string // the name of its environment variable
}

// Values returns all options in their order, with the values of c, which may differ from what was loaded
// where a command insists on others. Passwords in URLs are left out.
func (l *Loaded) Values(c Config) []Value {
	all := make([]Value, len(l.options.all))
	for i, o := range l.options.all {
		value, loaded := o.field(&c).Interface(), o.field(&l.Config).Interface()
		v := Value{
			Path: o.path, Source: l.sources[o.path],
			Secret: o.secret(), Given: !reflect.ValueOf(value).IsZero(),
			Default: o.byText, Help: o.help, Allowed: o.allowed(), Env: o.env(),
		}
		if !reflect.DeepEqual(value, loaded) {
			v.Source = Source{Kind: FromProgram}
		}
		if !v.Secret {
			v.Text = shownValue(value)
		}
		all[i] = v
	}
	return all
}

func shownValue(value any) string {
	switch v := value.(type) {
	case string:
		return withoutPassword(v)
	case []string:
		shown := make([]string, len(v))
		for i, item := range v {
			shown[i] = withoutPassword(item)
		}
		return strings.Join(shown, ", ")
	}
	return yamlValue(value)
}

// withoutPassword leaves out the password of a URL.
func withoutPassword(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	if u, err := url.Parse(text); err == nil && u.User != nil {
		return u.Redacted()
	}
	return text
}

func yamlValue(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case Secret:
		return strconv.Quote(v.String())
	case []string:
		quoted := make([]string, len(v))
		for i, item := range v {
			quoted[i] = strconv.Quote(item)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case time.Duration:
		return shortDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

// WriteReference prints a Markdown table of all options.
func (all *Options) WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| option | kind | default | allowed | what it is |\n|---|---|---|---|---|\n")
	for _, o := range all.all {
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | %s | %s | %s |\n", o.path, o.env(), o.kind(),
			code(o.byText), strings.ReplaceAll(o.allowed(), "|", `\|`), o.help)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the reference: %w", err)
	}
	return nil
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
