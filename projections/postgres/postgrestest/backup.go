//go:build system

package postgrestest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

func (s *Server) backup() string { return filepath.Join(s.folder, "backup") }

// Backup copies all databases while the server runs, in place of an earlier copy.
func (s *Server) Backup(ctx context.Context) error {
	if err := os.RemoveAll(s.backup()); err != nil {
		return fmt.Errorf("removing the last backup: %w", err)
	}
	host, port, err := net.SplitHostPort(s.address())
	if err != nil {
		return err
	}
	return s.run(ctx, "pg_basebackup", "--pgdata", s.backup(), "--host", host, "--port", port,
		"--username", role, "--checkpoint", "fast", "--no-sync")
}

// FailOver kills the server, and starts one at the same address that has what the backup has. What was
// written since is lost, and the backup is used up.
func (s *Server) FailOver(ctx context.Context) error {
	s.Kill()
	if err := os.RemoveAll(s.data()); err != nil {
		return fmt.Errorf("removing what the server had: %w", err)
	}
	if err := os.Rename(s.backup(), s.data()); err != nil {
		return fmt.Errorf("restoring the backup: %w", err)
	}
	return s.Resume(ctx)
}
