package console

import (
	"log/slog"
	"time"

	"refold/console/frame"
)

// Options says what a console is made of. Access and Logger are required.
type Options struct {
	Parts   []frame.Part
	Access  frame.Access
	Version string // of the program
	Logger  *slog.Logger
	// Trail remembers what users do; nil: nothing does.
	Trail frame.Trail
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Streams limits the live pages; 64.
	Streams int
}

// New returns the console: an http.Handler of everything below /console. Its Stop ends what is live.
func New(o Options) (*frame.Site, error) {
	return frame.New(frame.Options{
		Access: o.Access, Version: o.Version, Logger: o.Logger, Now: o.Now, Streams: o.Streams,
		Trail: o.Trail,
	}, o.Parts...)
}
