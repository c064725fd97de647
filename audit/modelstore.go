package audit

import (
	"context"
	"fmt"
	"strings"
)

// modelStore is where read models are kept. It is read in plain SQL, or by plain commands, as anybody who
// queries it would.
type modelStore interface {
	// String is where it is, without a password.
	String() string
	// builds returns the builds of read models, with their progress.
	builds(ctx context.Context, models []ReadModel) ([]storedBuild, error)
	// rows calls each with every row of a build's table, shown with those that readers see under its name.
	rows(ctx context.Context, b storedBuild, table string, each func(row map[string]any) error) error
	shown(ctx context.Context, b storedBuild, table string, each func(row map[string]any) error) error
	// states calls each with the states of a build.
	states(ctx context.Context, b storedBuild, each func(storedState) error) error
	close()
}

// The words by which a build says what it is.
const (
	buildLive    = "live"
	buildFilling = "filling"
	buildDropped = "dropped"
)

// storedBuild is what a store says of a build.
type storedBuild struct {
	projection      string
	number, version int64
	status          string
	next            map[Place]int64 // by topic, which is the Key, and partition: what is taken next
}

func (b storedBuild) String() string { return fmt.Sprintf("build %d of %s", b.number, b.projection) }

// storedState is a state of the fold as a build has it.
type storedState struct {
	kind, key string
	sequence  int64
	value     []byte
}

// openDatabase opens a store by its URL.
func openDatabase(url, prefix string) (modelStore, error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return openSQL("pgx", url)
	case "sqlite":
		return openSQL("sqlite", rest)
	case "redis", "rediss":
		return openRedis(url, prefix)
	}
	return nil, fmt.Errorf("--database %q: it must be like postgres://user@host:5432/database, "+
		"sqlite:read-models.db or redis://host:6379", withoutPassword(url))
}

// withoutPassword returns a URL as it may be shown.
func withoutPassword(url string) string {
	scheme, rest, is := strings.Cut(url, "://")
	at := strings.LastIndex(rest, "@")
	if !is || at < 0 {
		return url
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + "://" + user + rest[at:]
}
