//go:build system

package system_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// wrongChanges tries to release changes that must not be: a pull request sees each, a worker says why it
// can't work, and the registry refuses what it can see.
func (s *boxes) wrongChanges(t *testing.T) {
	t.Helper()
	for _, change := range []struct {
		name  string
		check []string // of schemas check
		start string   // of the worker's log
		// subject and version are what the registry refuses; it can't see the others
		subject string
	}{
		{"rename", []string{"boxes.Added", "Added.text", "missing-default"}, "Added", "boxes.Added"},
		{"record", []string{"boxes.Opened", "Opened.owner"}, "Opened", "boxes.Opened"},
		{"split", []string{"boxes.Moved: the program has no such type"}, "boxes.Moved", ""},
		{"dropped", []string{"boxes.Shaken: the program has no such type"}, "boxes.Shaken", ""},
		{"state", []string{"boxes.BoxRow", "(of a row: the definition's FoldVersion)"}, "FoldVersion", ""},
	} {
		t.Run(change.name, func(t *testing.T) {
			release := s.release(change.name, levels2)
			release.t = t
			contains(t, release.run(1, "schemas", "check", "--allow-missing"), change.check...)
			contains(t, release.run(1, "schemas", "register"), change.check...)
			if change.subject != "" {
				release.refusedByRegistry(t, change.subject)
			}
			w := release.worker(change.name)
			w.start()
			defer w.stop()
			eventually(t, 30*time.Second, func(context.Context) error {
				log, err := os.ReadFile(w.process.Log())
				if err == nil && !strings.Contains(string(log), change.start) {
					err = errors.New("the log says nothing of it:\n" + string(log))
				}
				return err
			})
		})
	}
}

// refusedByRegistry gives the registry the schema that a release would write.
func (i *installation) refusedByRegistry(t *testing.T, subject string) {
	t.Helper()
	dir := t.TempDir()
	i.run(0, "schemas", "freeze", dir)
	files, err := filepath.Glob(filepath.Join(dir, subject, "*.avsc"))
	if len(files) != 1 {
		t.Fatalf("schemas of %s: %v, %v", subject, files, err)
	}
	schema, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"schema": string(schema)})
	if err != nil {
		t.Fatal(err)
	}
	status, answer := i.askRegistry(http.MethodPost, "/subjects/"+subject+"/versions", string(body))
	if status != http.StatusConflict {
		t.Errorf("the registry answers %d for %s, want 409: %s", status, subject, answer)
	}
}

// askRegistry makes a request of the registry.
func (i *installation) askRegistry(method, path, body string) (status int, answer []byte) {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), method, i.cluster.registry.URL()+path,
		strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		i.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// forgetBoxes removes the schemas of boxes that another test has left in the registry.
func (i *installation) forgetBoxes() {
	i.t.Helper()
	_, answer := i.askRegistry(http.MethodGet, "/subjects", "")
	var subjects []string
	if err := json.Unmarshal(answer, &subjects); err != nil {
		i.t.Fatalf("%v: %s", err, answer)
	}
	for _, subject := range subjects {
		if strings.HasPrefix(subject, "boxes.") {
			i.askRegistry(http.MethodDelete, "/subjects/"+subject, "")
			i.askRegistry(http.MethodDelete, "/subjects/"+subject+"?permanent=true", "")
		}
	}
}

// formerVersions is the program of boxes in its second release, and the third at hand.
func formerVersions(s *scene) {
	i := *s.installation
	i.program = buildBoxes(s.t)
	i.forgetBoxes()
	boxes := &boxes{installation: &i}
	two, three := boxes.release("two", levels2), boxes.release("three", levels2)
	latest := boxes.release("three", levels3, "REFOLD_AGGREGATES_BOX_WRITE=latest")
	two.run(0, "topics", "apply")
	two.run(0, "schemas", "register")
	s.a.installation, s.b.installation = two, two
	s.a.start()
	s.b.start()
	s.a.isReady()
	s.b.isReady()
	rolls := func(to *installation) func() {
		return func() {
			s.a.rollsTo(to)
			s.b.rollsTo(to)
		}
	}
	s.deeds["have the new release at hand"] = func() { s.callAs(three) }
	s.deeds["roll both workers to the new release"] = rolls(three)
	s.deeds["allow the latest versions"] = func() { s.callAs(latest) }
	s.deeds["roll both workers to the new configuration"] = rolls(latest)
}

// callAs has a reader call the program of an installation with its environment from now on.
func (s *scene) callAs(i *installation) {
	s.t.Helper()
	script := "#!/bin/sh\nexec env"
	for _, variable := range i.env[len(s.env):] {
		script += " " + variable
	}
	name := filepath.Join(s.bin, "processor")
	_ = os.Remove(name)
	err := os.WriteFile(name, []byte(script+" "+i.program+` "$@"`+"\n"), 0o700)
	if err != nil {
		s.t.Fatal(err)
	}
}
