//go:build system

package main

import (
	"fmt"
	"syscall"
)

// mount puts a file system in memory over an empty folder.
func mount(dir string, bytes int64) error {
	if err := syscall.Mount("refold-chaos", dir, "tmpfs", 0, size(bytes)); err != nil {
		return fmt.Errorf("mounting a tmpfs (it takes root): %w", err)
	}
	return nil
}

// resize sets how much the file system holds; not less than it does hold.
func resize(dir string, bytes int64) error {
	if err := syscall.Mount("refold-chaos", dir, "tmpfs", syscall.MS_REMOUNT, size(bytes)); err != nil {
		return fmt.Errorf("giving the file system of %s another size: %w", dir, err)
	}
	return nil
}

func size(bytes int64) string { return fmt.Sprintf("size=%d,mode=0700", bytes) }

// usedBytes is what the file system holds.
func usedBytes(dir string) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, fmt.Errorf("asking for the size of the file system of %s: %w", dir, err)
	}
	return int64(stat.Blocks-stat.Bfree) * stat.Bsize, nil
}

// unmount also works while files are open; they end with whoever has them open.
func unmount(dir string) error {
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", dir, err)
	}
	return nil
}
