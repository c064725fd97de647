package runbook

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// blockTimeout is how long a block of commands may take: somebody waits for it at night.
const blockTimeout = time.Minute

// Scene is where the commands of a page are run.
type Scene struct {
	// Dir is the working directory.
	Dir string
	// Env is the whole environment of the commands.
	Env []string
	// Hidden are texts that are taken out of what is printed, such as a prefix of topics.
	Hidden []string
	// Deeds are what the page's comments name.
	Deeds map[string]func()
}

// Run does what a page says. It goes on after output that is not as shown, so that its error has all
// of that, and ends at a command that fails. The error names the page's file and the lines.
func (s *Scene) Run(ctx context.Context, file, page string) error {
	steps, err := Parse(page)
	if err != nil {
		return fmt.Errorf("%s:%w", file, err)
	}
	var all error
	for _, step := range steps {
		printed, err := s.do(ctx, step)
		if err != nil {
			err = fmt.Errorf("%s:%d: %w\n%sprinted:\n%s", file, step.Line, err, step.Commands, printed)
			return errors.Join(all, err)
		}
		if !Matches(step.Output, printed) {
			all = errors.Join(all, fmt.Errorf("%s:%d: the page shows\n%s\nand it printed\n%s",
				file, step.Line, step.Output, printed))
		}
	}
	return all
}

// do does one step and returns what was printed.
func (s *Scene) do(ctx context.Context, step Step) (string, error) {
	if step.Deed != "" {
		act := s.Deeds[step.Deed]
		if act == nil {
			return "", fmt.Errorf("the test can't %q", step.Deed)
		}
		act()
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, blockTimeout)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", step.Commands)
	bash.Dir, bash.Env = s.Dir, s.Env
	bash.WaitDelay = time.Second // what it left behind must not hold the output open
	output, err := bash.CombinedOutput()
	printed := string(output)
	for _, hidden := range s.Hidden {
		printed = strings.ReplaceAll(printed, hidden, "")
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("not done in %v: %w", blockTimeout, err)
	}
	return printed, err
}

var spaces = regexp.MustCompile(`[ \t]+`)

// Matches reports whether a command may have printed something, by what a page shows.
func Matches(shown, printed string) bool {
	pattern := strings.Builder{}
	pattern.WriteString(`^`)
	for _, line := range lines(shown) {
		if line == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		parts := strings.Split(line, "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*`) + `\n`)
	}
	text := strings.Join(lines(printed), "\n")
	if text != "" {
		text += "\n"
	}
	return regexp.MustCompile(pattern.String() + `$`).MatchString(text)
}

// lines returns a text's lines, each with single spaces, and none of them at its end.
func lines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = strings.TrimRight(spaces.ReplaceAllString(line, " "), " \r")
	}
	return all
}
