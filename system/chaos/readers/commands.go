package readers

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// shownCommand is a command as the API shows it.
type shownCommand struct {
	ID, Status, Subject, Code, Message string
	Links                              struct{ Self string }
	FirstSequence, LastSequence        int64
}

const (
	pending  = "pending"
	accepted = "accepted"
)

// outcome is how the command was decided; empty: it was not.
func (c *shownCommand) outcome() string {
	if c.Status == pending {
		return ""
	}
	return fmt.Sprintf("%s %d-%d %s %s", c.Status, c.FirstSequence, c.LastSequence, c.Code, c.Message)
}

// readOutcome asks an aggregate for a command to it.
func (r *reader) readOutcome(ctx context.Context, pod string, dice *rand.Rand) {
	if c, has := r.anyCommand(dice); has {
		r.askOutcome(ctx, pod, c, c.path())
	}
}

// findOutcome asks for a command by its ID alone.
func (r *reader) findOutcome(ctx context.Context, pod string, dice *rand.Rand) {
	if c, has := r.anyCommand(dice); has {
		r.askOutcome(ctx, pod, c, "/commands/"+url.PathEscape(c.id))
	}
}

// path is the command's own address.
func (c *command) path() string { return pathOf(c.to) + "/commands/" + url.PathEscape(c.id) }

func (r *reader) askOutcome(ctx context.Context, pod string, c command, path string) {
	before, seen := r.outcome(c), ""
	if before != "" {
		seen = "it was " + before
	}
	r.ask(ctx, pod, path, seen, func(got *answer) (string, error) {
		all, err := readCommands(got.body)
		if err != nil {
			return "", err
		}
		for i := range all {
			if all[i].Links.Self == c.path() {
				return r.judgeOutcome(c, before, &all[i]), nil
			}
		}
		if seen != "" {
			return "it is not there, " + seen, nil
		}
		return "", nil
	})
}

// judgeOutcome takes in what is shown of a command.
func (r *reader) judgeOutcome(c command, before string, shown *shownCommand) (back string) {
	now := shown.outcome()
	if before != "" && now != before {
		return fmt.Sprintf("it is %s %s, it was %s", shown.Status, now, before)
	}
	if now == "" {
		return ""
	}
	r.sawOutcome(c, now)
	if shown.Status == accepted && shown.LastSequence > 0 {
		r.saw(c.to, shown.LastSequence)
	}
	return ""
}

// readCommands reads one command, or the choice of several of one ID.
func readCommands(body []byte) ([]shownCommand, error) {
	var shown struct {
		shownCommand
		Commands []shownCommand
	}
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil, fmt.Errorf("this is no command: %w", err)
	}
	if shown.Commands != nil {
		return shown.Commands, nil
	}
	return []shownCommand{shown.shownCommand}, nil
}
