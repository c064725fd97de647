package deadletters

import "time"

// ShortenCommits limits transactions to less, until the function is called that it returns.
func ShortenCommits(limit time.Duration) (undo func()) {
	usual := commitTimeout
	commitTimeout = limit
	return func() { commitTimeout = usual }
}
