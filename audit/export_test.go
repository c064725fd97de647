package audit

// What tests need.
var (
	Execute = execute
	Plain   = plain
)

const (
	ExitWhole      = exitWhole
	ExitBroken     = exitBroken
	ExitUnreadable = exitUnreadable
)
