package config

import (
	"fmt"
	"io"
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
