package redis

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"refold/projections"
)

//go:embed scripts/*.lua
var sources embed.FS

// The scripts. Each begins with common.lua.
var (
	beginScript    = load("build", "begin")
	buildsScript   = load("build", "builds")
	claimScript    = load("build", "claim")
	statesScript   = load("states")
	writeScript    = load("rows", "write")
	mendScript     = load("rows", "mend")
	takeOverScript = load("takeover")
	dropScript     = load("drop")
	readScript     = load("read")
	pageScript     = load("page")
)

// script is a script with the name that errors call it by.
type script struct {
	name string
	*goredis.Script
}

// load joins the files of a script, the last of which it is named after.
func load(names ...string) script {
	var text strings.Builder
	for _, name := range append([]string{"common"}, names...) {
		source, err := sources.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err) // it is not in the program
		}
		text.Write(source)
	}
	return script{names[len(names)-1], goredis.NewScript(text.String())}
}

// The answers of scripts that are not OK, as errors. LOST: this Redis does not know the build, as it was
// emptied; a claim makes it again. NONE: no build is live.
var answers = map[string]error{
	"FENCED":  projections.ErrFenced,
	"MOVED":   projections.ErrMoved,
	"LOST":    projections.ErrMoved,
	"HELD":    projections.ErrHeld,
	"BEHIND":  projections.ErrBehind,
	"DROPPED": projections.ErrNoBuild,
	"NONE":    projections.ErrNoBuild,
	"LIVE":    errLive,
}

// errLive says that the build is the one that readers see.
var errLive = errors.New("the build is live")

// run runs a script for a projection, and returns its answer without the leading OK.
func (s *Store) run(
	ctx context.Context, script script, projection string, args arguments,
) ([]any, error) {
	answer, err := script.Run(ctx, s.client, []string{s.tag(projection)}, args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("%s in Redis: %w", script.name, err)
	}
	if len(answer) == 0 {
		return nil, fmt.Errorf("%s in Redis: the answer is empty", script.name)
	}
	code, details := fmt.Sprint(answer[0]), answer[1:]
	if code == "OK" {
		return details, nil
	}
	if code == "SUM" && len(details) == 4 {
		return nil, &projections.Poison{Reason: projections.PoisonSum, Err: fmt.Errorf(
			"%v and %v in column %v of %v are more than an int64 holds",
			details[2], details[3], details[1], details[0])}
	}
	meaning, known := answers[code]
	switch {
	case !known:
		return nil, fmt.Errorf("%s in Redis: the answer is %q", script.name, code)
	case code == "LOST":
		return nil, fmt.Errorf("%w: Redis does not know the build any more", meaning)
	case len(details) == 3:
		return nil, fmt.Errorf("%w: %v: %v, but the store has %v", meaning, details[0], details[1],
			details[2])
	}
	return nil, meaning
}

// texts returns a list of a script's answer. Null is "", and not in has.
func texts(answer any) (all []string, has []bool, err error) {
	items, is := answer.([]any)
	if !is {
		return nil, nil, fmt.Errorf("the answer has a %T; it must be a list", answer)
	}
	all, has = make([]string, len(items)), make([]bool, len(items))
	for i, item := range items {
		if item == nil {
			continue
		}
		if all[i], has[i] = item.(string); !has[i] {
			return nil, nil, fmt.Errorf("the answer has a %T; it must be a text", item)
		}
	}
	return all, has, nil
}
