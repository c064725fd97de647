//go:build system && !linux

package main

import "errors"

var errLinux = errors.New("only Linux has tmpfs")

func mount(string, int64) error { return errLinux }

func resize(string, int64) error { return errLinux }

func usedBytes(string) (int64, error) { return 0, errLinux }

func unmount(string) error { return errLinux }
