package endpoint

import (
	"fmt"
	"net/http"
	"strings"
)

// collision returns an error if there are requests that a new route and one that is there would both take.
// net/http itself lets the more specific one have them: GET /accounts/free would hide the account "free".
func collision(pattern string, there []string) error {
	method, path, both := strings.Cut(pattern, " ")
	if !both || method != strings.ToUpper(method) || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is no method and path such as GET /garages/{id}/free", pattern)
	}
	for _, other := range there {
		otherMethod, otherPath, _ := strings.Cut(other, " ")
		if sameMethod(method, otherMethod) && overlap(segments(path), segments(otherPath)) {
			return fmt.Errorf("%s collides with %s: there are requests that both would take", pattern, other)
		}
	}
	return nil
}

// sameMethod reports whether a request may be for both methods. A route of GET takes HEAD, too.
func sameMethod(a, b string) bool {
	get := func(method string) bool { return method == http.MethodGet || method == http.MethodHead }
	return a == b || get(a) && get(b)
}

func segments(path string) []string { return strings.Split(strings.TrimPrefix(path, "/"), "/") }

// overlap reports whether there is a path that both patterns match.
func overlap(a, b []string) bool {
	for i := 0; ; i++ {
		switch {
		case isRest(a, i) || isRest(b, i):
			return true
		case i == len(a) || i == len(b):
			return len(a) == len(b)
		case !isWildcard(a[i]) && !isWildcard(b[i]) && a[i] != b[i]:
			return false
		}
	}
}

// isRest reports whether the segment stands for all that follows: {rest...}, or a slash at the end.
func isRest(segments []string, i int) bool {
	return i < len(segments) && (strings.HasSuffix(segments[i], "...}") || segments[i] == "")
}

func isWildcard(segment string) bool { return strings.HasPrefix(segment, "{") && segment != "{$}" }
