//go:build system

package realkafka

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

// confluentAPI is the path below which Apicurio Registry speaks Confluent's API.
const confluentAPI = "/apis/ccompat/v7"

// RegistryOptions say how StartRegistry starts the schema registry.
type RegistryOptions struct {
	// Dir holds the log. It must exist. Schemas live in memory only.
	Dir string
	// Port on the loopback interface; 0 takes a free one.
	Port int
}

// Registry is a running Apicurio Registry.
type Registry struct {
	process *Process
	url     string
}

// StartRegistry starts the registry and returns when it answers. It takes up to 512 MiB of heap.
func StartRegistry(ctx context.Context, o RegistryOptions) (*Registry, error) {
	j, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := fetch(ctx, j, "apicurio", "dependency:unpack", apicurioPOM)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	if o.Port != 0 {
		ports[0] = o.Port
	}
	p, err := Start(Command{Name: "apicurio", Dir: o.Dir, Args: []string{
		j.binary(), "-Xmx512m",
		"-Dquarkus.http.host=127.0.0.1",
		"-Dquarkus.http.port=" + strconv.Itoa(ports[0]),
		"-Dquarkus.management.host=127.0.0.1",
		"-Dquarkus.management.port=" + strconv.Itoa(ports[1]),
		"-jar", filepath.Join(folder, "quarkus-run.jar"),
	}})
	if err != nil {
		return nil, err
	}
	r := &Registry{
		process: p,
		url:     "http://127.0.0.1:" + strconv.Itoa(ports[0]) + confluentAPI,
	}
	if err := p.WaitReady(ctx, r.answers); err != nil {
		p.Kill()
		return nil, err
	}
	return r, nil
}

// answers reports whether the registry serves requests.
func (r *Registry) answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/subjects", http.NoBody)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking for subjects: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for subjects: %s", response.Status)
	}
	return nil
}

// URL is the address of the Confluent API.
func (r *Registry) URL() string { return r.url }

// Stop ends the registry cleanly, or kills it if that takes too long.
func (r *Registry) Stop() { r.process.Stop() }

// Exited is closed when the registry has ended, by whatever cause.
func (r *Registry) Exited() <-chan struct{} { return r.process.Exited() }
