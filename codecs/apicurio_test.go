//go:build system

package codecs_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/codecs"
	"refold/system/realkafka"
)

// apicurio starts an Apicurio Registry.
func apicurio(t *testing.T) *realkafka.Registry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := realkafka.StartRegistry(ctx, realkafka.RegistryOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Apicurio Registry, under its path, answers as no fake registry can tell.
func TestApicurio(t *testing.T) {
	s := apicurio(t)
	requireCompatibility(t, s.URL())

	t.Run("look-up registers nothing", func(t *testing.T) {
		r := client(t, s.URL(), lookUp)
		for range 2 {
			_, err := r.ID(t.Context(), "bank.Closed", closedSchema)
			if !errors.Is(err, codecs.ErrSchemaNotFound) {
				t.Errorf("got %v, want ErrSchemaNotFound", err)
			}
		}
	})
	t.Run("register, then look up however it is written", func(t *testing.T) {
		// As a file is registered by a deployment, line breaks and all.
		r := client(t, s.URL())
		for subject, schema := range map[string]string{
			"bank.Deposited": depositedSchema, "bank.Closed": closedSchema,
		} {
			if _, err := r.ID(t.Context(), subject, schema); err != nil {
				t.Fatal(err)
			}
		}
		set(t, client(t, s.URL(), lookUp), bankTypes()...)
		set(t, client(t, s.URL()), bankTypes()...)
		r = client(t, s.URL(), lookUp)
		other := `{"type":"record","name":"Closed","namespace":"bank","fields":[` +
			`{"name":"reason","type":"long"}]}`
		_, err := r.ID(t.Context(), "bank.Closed", other)
		if !errors.Is(err, codecs.ErrSchemaNotFound) {
			t.Errorf("another schema of the subject: got %v, want ErrSchemaNotFound", err)
		}
	})
	t.Run("round trip", func(t *testing.T) {
		b, err := set(t, client(t, s.URL()), bankTypes()...).Encode(deposited())
		if err != nil {
			t.Fatal(err)
		}
		reader := set(t, client(t, s.URL(), lookUp), bankTypes()...)
		if v, err := reader.Decode(t.Context(), b); err != nil || v != deposited() {
			t.Errorf("got %v, %v", v, err)
		}
		name, json, err := client(t, s.URL()).ToJSON(t.Context(), b)
		if err != nil || name != "bank.Deposited" ||
			!bytes.Contains(json, []byte(`"amount":12345`)) {
			t.Errorf("got %s %s, %v", name, json, err)
		}
	})
	t.Run("unknown IDs are poison", func(t *testing.T) {
		events := set(t, client(t, s.URL()), bankTypes()...)
		for _, id := range []int{0, 99_999, codecs.MaxSchemaID} {
			_, err := events.Decode(t.Context(), wire(id, 2, 'r'))
			if got := reason(t, err); got != codecs.ReasonUnknownSchema {
				t.Errorf("ID %d: reason is %s", id, got)
			}
		}
	})
	t.Run("incompatible", func(t *testing.T) {
		_, err := client(t, s.URL()).ID(t.Context(), "bank.Closed",
			strings.Replace(closedSchema, `"string"`, `"long"`, 1))
		if !errors.Is(err, codecs.ErrIncompatible) ||
			!strings.Contains(err.Error(), "bank.Closed") {
			t.Errorf("got %v, want ErrIncompatible", err)
		}
	})
	t.Run("no Avro", func(t *testing.T) {
		_, err := client(t, s.URL()).ID(t.Context(), "bank.Broken", `{"type": "recor"}`)
		if !errors.Is(err, codecs.ErrRegistryRefused) {
			t.Errorf("got %v, want ErrRegistryRefused", err)
		}
	})
	t.Run("wrong path", func(t *testing.T) {
		url := strings.TrimSuffix(s.URL(), "/apis/ccompat/v7")
		_, err := client(t, url).Schema(t.Context(), 1)
		if !errors.Is(err, codecs.ErrRegistryRefused) {
			t.Errorf("got %v, want ErrRegistryRefused", err)
		}
	})
}

// requireCompatibility makes the registry check what it is given, which it does not by default.
func requireCompatibility(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/config",
		strings.NewReader(`{"compatibility": "FULL_TRANSITIVE"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("setting the compatibility: %s", response.Status)
	}
}
