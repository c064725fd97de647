package audit

// What tests of the program need.
var Execute = execute

const (
	ExitWhole      = exitWhole
	ExitBroken     = exitBroken
	ExitUnreadable = exitUnreadable
)
