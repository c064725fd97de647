package installation

import (
	"strings"

	"refold/codecs/compat"
)

// Compatibility returns the level that a subject's versions are compared at: that of the longest override
// that fits, or else registry.compatibility.
func (i *Installation) Compatibility(subject string) compat.Level {
	level, longest := i.Config.Registry.Compatibility, -1
	for _, text := range i.Config.Registry.CompatibilityOverrides {
		pattern, its, _ := strings.Cut(text, "=")
		prefix, many := strings.CutSuffix(pattern, "*")
		fits := pattern == subject || many && strings.HasPrefix(subject, prefix)
		if fits && len(pattern) > longest {
			level, longest = its, len(pattern)
		}
	}
	return compat.Level(level)
}
