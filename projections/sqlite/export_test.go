package sqlite

import "database/sql"

// Connect returns connections like those that write.
func Connect(path string) (*sql.DB, error) {
	db, err := connect(path, Options{}, defaultCacheBytes)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}
