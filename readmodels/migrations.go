package readmodels

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// migrationsOf returns the migrations of a projection.
func migrationsOf(name string) fs.FS {
	files, err := fs.Sub(migrations, "migrations/"+name)
	if err != nil {
		panic(err) // the name is no path
	}
	return files
}
