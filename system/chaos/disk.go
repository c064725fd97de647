//go:build system

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// diskBytes is how much a worker's disk holds, if it is one of its own: more than a run needs.
const diskBytes = 4 << 30

// errNoDisk is wrapped when a worker has no disk of its own here, which could be made full.
var errNoDisk = errors.New("the worker's stores are in an ordinary folder, which can't be made full")

// disk is what a worker's stores are on: a file system of its own in memory (tmpfs) where that may
// be mounted, else a folder.
type disk struct {
	dir string
	// why there is no file system of its own; nil if there is.
	why error

	mu       sync.Mutex
	released bool
	spoilt   map[string]time.Time // stores that faults have changed, by folder, and when last
}

func newDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a disk: %w", err)
	}
	return &disk{dir: dir, why: mount(dir, diskBytes)}, nil
}

// stores is the folder for the worker.
func (d *disk) stores() string { return filepath.Join(d.dir, "stores") }

// fill leaves no byte free. What is deleted can't be written again either.
func (d *disk) fill() error {
	if d.why != nil {
		return fmt.Errorf("%w: %w", errNoDisk, d.why)
	}
	used, err := usedBytes(d.dir)
	if err != nil {
		return err
	}
	const page = 4096 // a size of 0 would be no limit at all
	return resize(d.dir, max(used, page))
}

// empty gives back what fill took.
func (d *disk) empty() error {
	if d.why == nil {
		return resize(d.dir, diskBytes)
	}
	return nil
}

// release unmounts the disk; all that was on it is gone.
func (d *disk) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.why != nil || d.released {
		return
	}
	d.released = true
	if err := unmount(d.dir); err != nil {
		fmt.Println("chaos:", err)
	}
}

// choose returns a file of the stores, the same for the same choice among the same files; empty if
// there is none.
func (d *disk) choose(choice uint64) (string, error) {
	var files []string
	err := filepath.WalkDir(d.stores(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("choosing a file of the stores: %d files, %w", len(files), err)
	}
	return files[choice%uint64(len(files))], nil
}

// damage overwrites a part of a file, and returns its name.
func (d *disk) damage(choice uint64) (string, error) {
	path, err := d.choose(choice)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("damaging a file: %w", err)
	}
	if len(content) == 0 {
		content = []byte("this file was empty")
	}
	const most = 64
	from := int(choice >> 32 % uint64(len(content)))
	for i := from; i < min(from+most, len(content)); i++ {
		content[i] ^= 0xa5
	}
	if err := os.WriteFile(path, content, 0o600); err != nil { //nolint:gosec // found below stores()
		return "", fmt.Errorf("damaging a file: %w", err)
	}
	d.spoil(filepath.Dir(path))
	return d.name(path), nil
}

// remove deletes a file, and returns its name.
func (d *disk) remove(choice uint64) (string, error) {
	path, err := d.choose(choice)
	if err != nil {
		return "", err
	}
	if err := os.Remove(path); err != nil {
		return "", fmt.Errorf("deleting a file: %w", err)
	}
	d.spoil(filepath.Dir(path))
	return d.name(path), nil
}

// spoil notes that the files of a store are not as a worker left them.
func (d *disk) spoil(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spoilt == nil {
		d.spoilt = make(map[string]time.Time)
	}
	d.spoilt[dir] = time.Now()
}

// removeUnopened removes stores that faults have changed and no worker has opened since: nobody can
// have noticed, and an audit would. To open one writes files. It returns their names.
func (d *disk) removeUnopened() (names []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for dir, since := range d.spoilt {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return names, fmt.Errorf("looking at a store: %w", err)
		}
		opened := false
		for _, file := range files {
			if info, err := file.Info(); err == nil && info.ModTime().After(since) {
				opened = true
			}
		}
		if opened {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return names, fmt.Errorf("removing a store: %w", err)
		}
		names = append(names, d.name(dir))
	}
	return names, nil
}

func (d *disk) name(path string) string {
	name, err := filepath.Rel(d.stores(), path)
	if err != nil {
		return path
	}
	return name
}
