package worker

import (
	"strings"
	"testing"

	"refold/config"
)

func TestTracingHeaders(t *testing.T) {
	got, err := tracingHeaders("a=b, X-Key = c=d==")
	if err != nil || len(got) != 2 || got["a"] != "b" || got["X-Key"] != "c=d==" {
		t.Errorf("%v, %v", got, err)
	}
	for _, wrong := range []config.Secret{"key1", "=key2", "the key3=c", "a=key4,,"} {
		if _, err := tracingHeaders(wrong); err == nil || strings.Contains(err.Error(), "key") {
			t.Errorf("%q: %v", string(wrong), err)
		}
	}
}
