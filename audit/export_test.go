package audit

// Fields are those of a state's row, for tests that write topics.
func Fields(s State) map[string]any { return s.fields() }
