package worker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"refold/config"
	"refold/exactlyonce"
	"refold/installation"
	"refold/processors"
	"refold/processors/accounts"
	"refold/views"
	"refold/views/httpapi"
)

// The libraries are used without a configuration, too. Their defaults are the configuration's.
func TestDefaultsOfLibraries(t *testing.T) {
	definitions, err := processors.Define(accounts.Definition)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := loaded.Config
	if diff := cmp.Diff(httpapi.Limits{}.WithDefaults(),
		httpLimits(c.HTTP, c.Topics, 1).WithDefaults()); diff != "" {
		t.Errorf("httpapi.Limits (-library +configuration):\n%s", diff)
	}
	if diff := cmp.Diff(views.Limits{}.WithDefaults(),
		viewLimits(c.HTTP, c.Views, c.Processor).WithDefaults()); diff != "" {
		t.Errorf("views.Limits (-library +configuration):\n%s", diff)
	}
	if diff := cmp.Diff(exactlyonce.Config{}.WithDefaults(), engineConfig(c).WithDefaults(),
		cmpopts.IgnoreUnexported(exactlyonce.Config{}), cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().Type() != nil && p.Last().Type().Kind().String() == "func"
		}, cmp.Ignore())); diff != "" {
		t.Errorf("exactlyonce.Config (-library +configuration):\n%s", diff)
	}
}
