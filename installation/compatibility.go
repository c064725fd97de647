package installation

import (
	"strings"

	"refold/codecs"
	"refold/codecs/compat"
)

// Ignores reports whether the program need not have the type of a subject: its level is NONE.
func (i *Installation) Ignores(subject string) bool { return i.Compatibility(subject) == compat.None }

// Compatibility returns the level that a subject's versions are compared at: that of the longest override
// that fits, or else registry.compatibility. An override names the subject, or the record alone, without
// registry.subject-prefix and the topic.
func (i *Installation) Compatibility(subject string) compat.Level {
	level, longest := i.Config.Registry.Compatibility, -1
	record := strings.TrimPrefix(subject, i.Config.Registry.SubjectPrefix)
	if i.Config.Registry.Subjects == string(codecs.ByTopicRecord) {
		record = record[strings.LastIndexByte(record, '-')+1:] // a record's name has no hyphen
	}
	for _, text := range i.Config.Registry.CompatibilityOverrides {
		pattern, its, _ := strings.Cut(text, "=")
		prefix, many := strings.CutSuffix(pattern, "*")
		fits := false
		for _, name := range []string{subject, record} {
			fits = fits || pattern == name || many && strings.HasPrefix(name, prefix)
		}
		if fits && len(pattern) > longest {
			level, longest = its, len(pattern)
		}
	}
	return compat.Level(level)
}
