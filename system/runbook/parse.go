package runbook

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Step is one thing that a page says is to be done.
type Step struct {
	// Line is where it begins, from 1.
	Line int
	// Deed is the name of what the test does; then there are no commands.
	Deed string
	// Commands are for bash.
	Commands string
	// Output is what they print, with its "…".
	Output string
	// shown is set when there is a block of output, be it empty.
	shown bool
}

var (
	deed  = regexp.MustCompile(`^\s*<!-- test: (.+) -->$`)
	fence = regexp.MustCompile("^(\\s*)```(.*)$")
)

// Parse returns the steps of a page in their order. Its error names the line.
func Parse(page string) ([]Step, error) {
	p := parser{lines: strings.Split(page, "\n")}
	for p.next < len(p.lines) {
		line := p.lines[p.next]
		p.next++
		if match := deed.FindStringSubmatch(line); match != nil {
			p.steps = append(p.steps, Step{Line: p.next, Deed: match[1], shown: true})
		}
		if match := fence.FindStringSubmatch(line); match != nil {
			if err := p.block(match[1], strings.TrimSpace(match[2])); err != nil {
				return nil, err
			}
		}
	}
	if len(p.steps) == 0 {
		return nil, errors.New("there is nothing to do on the page")
	}
	return p.steps, nil
}

type parser struct {
	lines []string
	next  int // the line to be read
	steps []Step
}

// block reads a fenced block whose first line has been read.
func (p *parser) block(indent, kind string) error {
	begin := p.next
	var text strings.Builder
	for {
		if p.next == len(p.lines) {
			return fmt.Errorf("%d: the block has no end", begin)
		}
		line := strings.TrimPrefix(p.lines[p.next], indent)
		p.next++
		if strings.TrimSpace(line) == "```" {
			break
		}
		text.WriteString(line + "\n")
	}
	switch kind {
	case "sh":
		p.steps = append(p.steps, Step{Line: begin, Commands: text.String()})
		return nil
	case "text":
		if n := len(p.steps); n > 0 && !p.steps[n-1].shown {
			p.steps[n-1].Output, p.steps[n-1].shown = text.String(), true
			return nil
		}
		return fmt.Errorf("%d: no commands before it print this block", begin)
	}
	return fmt.Errorf("%d: a block %q: there are sh, for commands, and text, for what they print",
		begin, kind)
}
