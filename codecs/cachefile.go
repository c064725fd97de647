package codecs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The cache's file is a line of three words, and JSON. The words are the format's name, its version, and the
// SHA-256 of the JSON in hexadecimal.
const (
	cacheFormat  = "refold-registry-cache"
	cacheVersion = "1"
	cacheName    = "schemas.cache"
	// unusableName is what a file that can't be read is renamed to, so that somebody can look at it.
	unusableName = "schemas.cache.unusable"
	// temporaryNames match files that are being written.
	temporaryNames = "schemas.cache.*.tmp"
	// temporaryAge is the age from which on a file that is being written is what a crash has left.
	temporaryAge = time.Hour
)

// cached is what the file holds.
type cached struct {
	// URLs are those of the registry that gave the answers.
	URLs []string `json:"urls"`
	// Saved is when the file was written.
	Saved time.Time `json:"saved"`
	// Answers are the registry's, in its own JSON, by what it was asked. null: it has no such thing.
	Answers answers `json:"answers"`
}

type answers map[string]json.RawMessage

// errNotCache says that a file is none that this program can read, or a damaged one.
var errNotCache = errors.New("not a cache of a schema registry that this program can read")

func encodeCache(c cached) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the cache: %w", err)
	}
	return append(cacheHead(body), body...), nil
}

func cacheHead(body []byte) []byte {
	sum := sha256.Sum256(body)
	return fmt.Appendf(nil, "%s %s %s\n", cacheFormat, cacheVersion, hex.EncodeToString(sum[:]))
}

// decodeCache reads what encodeCache has written. Its error wraps errNotCache.
func decodeCache(file []byte) (c cached, err error) {
	head, body, _ := bytes.Cut(file, []byte("\n"))
	words := strings.Split(string(head), " ")
	switch {
	case words[0] != cacheFormat:
		return c, fmt.Errorf("%w: it does not begin with %q", errNotCache, cacheFormat)
	case len(words) != 3 || words[1] != cacheVersion:
		return c, fmt.Errorf("%w: its version is not %s", errNotCache, cacheVersion)
	case !bytes.HasPrefix(file, cacheHead(body)):
		return c, fmt.Errorf("%w: the checksum is wrong", errNotCache)
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return cached{}, fmt.Errorf("%w: %w", errNotCache, err)
	}
	return c, nil
}

// readCache reads the file in a directory of at most limit bytes. There need not be one.
func readCache(dir string, limit int) (c cached, err error) {
	file, err := os.Open(filepath.Join(dir, cacheName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return c, nil
	case err != nil:
		return c, err //nolint:wrapcheck // it names the file
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	switch {
	case err != nil:
		return c, fmt.Errorf("read %s: %w", file.Name(), err)
	case len(text) > limit:
		return c, fmt.Errorf("%w: it has more than %d bytes", errNotCache, limit)
	}
	return decodeCache(text)
}

// writeCache replaces the file in a directory. After a crash there is the old one or the new one.
func writeCache(dir string, c cached) (err error) {
	text, err := encodeCache(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err //nolint:wrapcheck // it names the directory
	}
	file, err := os.CreateTemp(dir, temporaryNames)
	if err != nil {
		return err //nolint:wrapcheck // it names the directory
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync() // or a crash could leave the new name without its content
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(dir, cacheName))
	}
	if err != nil {
		return err //nolint:wrapcheck // it names the files
	}
	// Best effort: some systems can't sync a directory. What is lost then is the newest answers.
	if parent, err := os.Open(dir); err == nil {
		_ = parent.Sync()
		parent.Close()
	}
	return nil
}

// setAside renames a file that can't be read, and returns its new name.
func setAside(dir string) (string, error) {
	name := filepath.Join(dir, unusableName)
	return name, os.Rename(filepath.Join(dir, cacheName), name)
}

// removeLeftovers removes what crashes have left in a directory. It leaves alone what another process may
// still be writing.
func removeLeftovers(dir string) error {
	names, err := filepath.Glob(filepath.Join(escapeGlob(dir), temporaryNames))
	for _, name := range names {
		info, statErr := os.Stat(name)
		if statErr == nil && time.Since(info.ModTime()) > temporaryAge {
			err = errors.Join(err, os.Remove(name))
		}
	}
	return err
}

// escapeGlob makes a pattern of a directory's name that matches it alone.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(dir)
}

// sameRegistry reports whether two lists of base URLs are of one registry: they share a server.
func sameRegistry(a, b []string) bool {
	return slices.ContainsFunc(a, func(one string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return serverName(one) == serverName(other) })
	})
}

// serverName returns a base URL without what people write differently.
func serverName(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(strings.TrimRight(rest, "/"), "/")
	return strings.ToLower(scheme+"://"+host) + "/" + path
}
