package codecs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/codecs"
)

func cacheFile(dir string) string { return filepath.Join(dir, "schemas.cache") }

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A file that is no cache, or a damaged one, is set aside with a line in the log, and made again.
func TestACacheThatCantBeReadIsSetAside(t *testing.T) {
	for name, damage := range map[string]func(text []byte) []byte{
		"foreign": func([]byte) []byte { return []byte("PNG") }, "empty": func([]byte) []byte { return nil },
		"torn": func(text []byte) []byte { return text[:len(text)/2] },
		"torn in its first line": func(text []byte) []byte {
			return text[:len("refold-registry-cache 1 ")]
		},
		"changed": func(text []byte) []byte {
			return bytes.Replace(text, []byte("money"), []byte("honey"), 1)
		},
		"of another version": func(text []byte) []byte {
			return bytes.Replace(text, []byte("cache 1 "), []byte("cache 2 "), 1)
		},
		"too large": func(text []byte) []byte { return append(text, make([]byte, 1<<20)...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := server(t)
			dir, records := filled(t, s)
			damaged := damage(mustRead(t, cacheFile(dir)))
			write(t, cacheFile(dir), string(damaged))
			var log logged
			small := func(s *codecs.RegistrySettings) { s.Cache.Bytes = 1 << 20 }
			r := client(t, s.URL(), cachedIn(dir), small, log.settings)
			if err := work(t, r, records); !errors.Is(err, codecs.ErrRegistryUnavailable) {
				t.Errorf("got %v, want ErrRegistryUnavailable", err)
			}
			if n := log.lines("read the cache of the schema registry"); n != 1 {
				t.Errorf("%d lines:\n%s", n, log.text.String())
			}
			if !bytes.Equal(mustRead(t, cacheFile(dir)+".unusable"), damaged) {
				t.Error("the damaged file was not kept")
			}
			comeBack(s)
			if err := work(t, r, records); err != nil {
				t.Fatal(err)
			}
			r.Close()
			goAway(s)
			if err := work(t, client(t, s.URL(), cachedIn(dir), small), records); err != nil {
				t.Errorf("it was not made again: %v", err)
			}
		})
	}
}

// A cache that can't be written costs a line in the log, and nothing else.
func TestACacheThatCantBeWrittenIsAWarning(t *testing.T) {
	s := server(t)
	records := history(t, s)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	var log logged
	r := client(t, s.URL(), cachedIn(filepath.Join(file, "below")), log.settings)
	if err := work(t, r, records); err != nil {
		t.Error(err)
	}
	r.Close()
	if log.lines("level=WARN msg=\"write the cache of the schema registry") != 1 || log.lines("ERROR") > 0 {
		t.Errorf("logged:\n%s", log.text.String())
	}
}

// It is written a moment after the registry has answered, not only at the end: a worker may be killed.
func TestTheCacheIsWrittenSoon(t *testing.T) {
	s, dir := server(t), t.TempDir()
	records := history(t, s)
	if err := work(t, client(t, s.URL(), cachedIn(dir)), records); err != nil {
		t.Fatal(err)
	}
	eventually(t, "there is no file", func() bool {
		_, err := os.Stat(cacheFile(dir))
		return err == nil
	})
}

// After a crash between writing and renaming there is the file of before; what the crash has left is removed
// once it is old, and not while another process may still be writing it.
func TestACrashLeavesTheCacheOfBefore(t *testing.T) {
	s := server(t)
	dir, records := filled(t, s)
	before := mustRead(t, cacheFile(dir))
	left, fresh := cacheFile(dir)+".1.tmp", cacheFile(dir)+".2.tmp"
	write(t, left, string(before[:100]))
	write(t, fresh, string(before[:100]))
	anHourAgo := time.Now().Add(-61 * time.Minute)
	if err := os.Chtimes(left, anHourAgo, anHourAgo); err != nil {
		t.Fatal(err)
	}
	if err := work(t, client(t, s.URL(), cachedIn(dir)), records); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the crash has left is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("what another process is writing was removed: %v", err)
	}
}

func fixed(size int) string { return fmt.Sprintf(`{"type": "fixed", "name": "F", "size": %d}`, size) }

// A full cache keeps what this process needs rather than what others needed, within its limits.
func TestAFullCache(t *testing.T) {
	for name, limits := range map[string]codecs.CacheSettings{
		"by number": {Answers: 3}, "by bytes": {Bytes: 800},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := server(t), t.TempDir()
			for i := range 20 {
				register(t, s, fmt.Sprint("s", i), fixed(i+1))
			}
			var log logged
			know := func(ids ...int) *codecs.Registry {
				t.Helper()
				r := client(t, s.URL(), log.settings, func(s *codecs.RegistrySettings) {
					s.Cache = limits
					s.Cache.Directory, s.Cache.AskAgain = dir, time.Hour
				})
				for _, id := range ids {
					if _, err := r.Schema(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
				return r
			}
			know(1, 2, 3).Close()
			know(18, 19, 20).Close()
			if log.lines("is full") > 0 {
				t.Errorf("what is needed has room, and it is full:\n%s", log.text.String())
			}
			goAway(s)
			know(18, 19, 20).Close()
			comeBack(s)
			know(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16).Close()
			if log.lines("is full") != 1 {
				t.Errorf("nothing says that it is full:\n%s", log.text.String())
			}
			file, err := codecs.DecodeCache(mustRead(t, cacheFile(dir)))
			if err != nil {
				t.Fatal(err)
			}
			size := len(mustRead(t, cacheFile(dir)))
			if n := len(file.Answers); n < 3 || limits.Answers > 0 && n > limits.Answers ||
				limits.Bytes > 0 && size > limits.Bytes {
				t.Errorf("%d answers, %d bytes", n, size)
			}
		})
	}
}

// Registries that share a directory lose none of each other's answers, and never damage the file.
func TestRegistriesShareACache(t *testing.T) {
	s, dir := server(t), t.TempDir()
	for i := range 20 {
		register(t, s, fmt.Sprint("s", i), fixed(i+1))
	}
	var log logged
	var all sync.WaitGroup
	for id := 1; id <= 20; id++ {
		r := client(t, s.URL(), cachedIn(dir), log.settings)
		all.Go(func() {
			if _, err := r.Schema(t.Context(), id); err != nil {
				t.Error(err)
			}
			r.Close()
		})
	}
	all.Wait()
	goAway(s)
	r := client(t, s.URL(), cachedIn(dir))
	for id := 1; id <= 20; id++ {
		if _, err := r.Schema(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if log.lines("level=") > 0 {
		t.Errorf("logged:\n%s", log.text.String())
	}
}

func anyCache() *rapid.Generator[codecs.Cached] {
	return rapid.Custom(func(t *rapid.T) codecs.Cached {
		c := codecs.Cached{
			URLs: rapid.SliceOf(rapid.String()).Draw(t, "urls"), Saved: time.Unix(1, 0).UTC(),
			Answers: map[string]json.RawMessage{},
		}
		for _, key := range rapid.SliceOf(rapid.String()).Draw(t, "keys") {
			answer, err := json.Marshal(rapid.String().Draw(t, "answer"))
			if err != nil {
				t.Fatal(err)
			}
			c.Answers[strings.ToValidUTF8(key, "")] = answer
		}
		return c
	})
}

// A file is read as it was written. One that was changed is not read at all.
func TestTheCachesFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCache().Draw(t, "cache")
		file, err := codecs.EncodeCache(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := codecs.DecodeCache(file)
		if err != nil {
			t.Fatal(err)
		}
		again, err := codecs.EncodeCache(back)
		if err != nil || !bytes.Equal(file, again) {
			t.Fatalf("%q came back as %q, %v", file, again, err)
		}
		at := rapid.IntRange(0, len(file)-1).Draw(t, "at")
		file[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if _, err := codecs.DecodeCache(file); !errors.Is(err, codecs.ErrNotCache) {
			t.Fatalf("byte %d was changed: %v", at, err)
		}
	})
}

func FuzzCacheFile(f *testing.F) {
	for _, c := range []codecs.Cached{
		{},
		{URLs: []string{"http://x"}, Answers: map[string]json.RawMessage{"schema 1": []byte(`{}`)}},
	} {
		file, err := codecs.EncodeCache(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, true)
		f.Add(file[:len(file)-1], false)
		_, body, _ := bytes.Cut(file, []byte("\n"))
		f.Add(body, true)
	}
	f.Fuzz(func(t *testing.T, file []byte, sealed bool) {
		if sealed { // so that the fuzzer comes past the checksum
			file = codecs.SealCache(file)
		}
		c, err := codecs.DecodeCache(file)
		if err != nil {
			if !errors.Is(err, codecs.ErrNotCache) {
				t.Fatal(err)
			}
			return
		}
		again, err := codecs.EncodeCache(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := codecs.DecodeCache(again); err != nil {
			t.Fatal(err)
		}
	})
}
