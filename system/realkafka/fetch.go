//go:build system

package realkafka

import (
	"context"
	"crypto/sha256"
	_ "embed" // the pom files
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed kafka/pom.xml
var kafkaPOM []byte

//go:embed apicurio/pom.xml
var apicurioPOM []byte

// CacheDir is where downloads are kept: refold in the user's cache folder (XDG_CACHE_HOME, or
// ~/.cache on Linux).
func CacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("looking for a cache folder: %w", err)
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "refold"), nil
}

// Jars returns the java binary of this machine, and the folder of the jars that a pom file describes,
// which Maven fetches into the user's cache the first time.
func Jars(ctx context.Context, name string, pom []byte) (binary, folder string, err error) {
	j, err := findJava(ctx)
	if err != nil {
		return "", "", err
	}
	folder, err = fetch(ctx, j, name, "dependency:copy-dependencies", pom)
	return j.binary(), folder, err
}

// Maven runs Maven's goals on the project in a folder, by the newest Java of this machine, which must be a
// JDK if there is something to compile. It returns the java binary.
func Maven(ctx context.Context, folder string, goals ...string) (binary string, err error) {
	j, err := findJava(ctx)
	if err != nil {
		return "", err
	}
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: Maven (mvn)", ErrMissing)
	}
	args := append([]string{"--batch-mode", "--quiet", "--file", filepath.Join(folder, "pom.xml")}, goals...)
	cmd := exec.CommandContext(ctx, maven, args...)
	cmd.Env = append(os.Environ(), "JAVA_HOME="+j.Home)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn in %s: %w\n%s", folder, err, lastLines(string(out), 30))
	}
	return j.binary(), nil
}

// Java returns the newest java binary of this machine, if it is new enough.
func Java(ctx context.Context) (binary string, err error) {
	j, err := findJava(ctx)
	return j.binary(), err
}

// fetch returns the folder of what a pom file describes, and has Maven download it if it isn't in
// the cache. The folder's name holds a hash of the file, so another version is another folder.
func fetch(ctx context.Context, j java, name, goal string, pom []byte) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(pom)
	target := filepath.Join(cache, name+"-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	// Downloaded beside and renamed: a folder of that name is always whole.
	work, err := os.MkdirTemp(cache, name+"-download-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the download: %w", err)
	}
	defer os.RemoveAll(work)
	if err := runMaven(ctx, j, work, goal, pom); err != nil {
		return "", fmt.Errorf("downloading %s: %w", name, err)
	}
	if err := os.Rename(filepath.Join(work, "target"), target); err != nil {
		if _, other := os.Stat(target); other == nil {
			return target, nil // another process was faster
		}
		return "", fmt.Errorf("keeping the download of %s: %w", name, err)
	}
	return target, nil
}

// runMaven lets Maven put what the pom describes into the folder target below work.
func runMaven(ctx context.Context, j java, work, goal string, pom []byte) error {
	maven, err := exec.LookPath("mvn")
	if err != nil {
		return fmt.Errorf("%w: Maven (mvn); it fetches Kafka and the registry", ErrMissing)
	}
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return fmt.Errorf("writing Maven's pom: %w", err)
	}
	cmd := exec.CommandContext(ctx, maven, "--batch-mode", "--quiet", "--file", file, goal,
		"-Dtarget="+filepath.Join(work, "target"))
	cmd.Env = os.Environ()
	if os.Getenv("JAVA_HOME") == "" {
		cmd.Env = append(cmd.Env, "JAVA_HOME="+j.Home)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn %s: %w\n%s", goal, err, lastLines(string(out), 20))
	}
	return nil
}
