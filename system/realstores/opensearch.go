//go:build system

package realstores

import (
	"context"
	_ "embed" // the pom file, and the program
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"refold/system/realkafka"
)

//go:embed opensearch/pom.xml
var searchPOM []byte

//go:embed opensearch/SearchNode.java
var searchProgram []byte

// OpenSearch is an OpenSearch of one node on this machine. It may be killed and started again, by one
// goroutine at a time.
type OpenSearch struct {
	dir         string
	http, inner int // ports
	process     *realkafka.Process
}

// StartOpenSearch starts an OpenSearch with data and log in a folder, and returns when it answers. It takes
// up to 512 MiB of heap.
func StartOpenSearch(ctx context.Context, dir string) (*OpenSearch, error) {
	ports, err := realkafka.StablePorts(ctx, 2)
	if err != nil {
		return nil, fmt.Errorf("ports for OpenSearch: %w", err)
	}
	s := &OpenSearch{dir: dir, http: ports[0], inner: ports[1]}
	err = s.Start(ctx)
	return s, err
}

// URL is its address.
func (s *OpenSearch) URL() string { return "http://127.0.0.1:" + strconv.Itoa(s.http) }

// Start starts it on the data that it had.
func (s *OpenSearch) Start(ctx context.Context) error {
	java, jars, err := realkafka.Jars(ctx, "opensearch", searchPOM)
	if err != nil {
		return fmt.Errorf("OpenSearch: %w", err)
	}
	program := filepath.Join(s.dir, "SearchNode.java")
	if err := os.WriteFile(program, searchProgram, 0o600); err != nil {
		return fmt.Errorf("the program of OpenSearch: %w", err)
	}
	s.process, err = realkafka.Start(realkafka.Command{Name: "opensearch", Dir: s.dir, Args: []string{
		java, "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"--enable-native-access=ALL-UNNAMED", "-Dio.netty.allocator.type=unpooled",
		"-cp", filepath.Join(jars, "*"), program, s.dir, strconv.Itoa(s.http), strconv.Itoa(s.inner),
	}})
	if err != nil {
		return fmt.Errorf("starting OpenSearch: %w", err)
	}
	if err := s.process.WaitReady(ctx, s.ready); err != nil {
		s.Kill()
		return fmt.Errorf("starting OpenSearch: %w", err)
	}
	return nil
}

// ready asks whether all primary shards are there.
func (s *OpenSearch) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		s.URL()+"/_cluster/health?wait_for_status=yellow&timeout=1s", http.NoBody)
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking OpenSearch for its health: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking OpenSearch for its health: %s", response.Status)
	}
	return nil
}

// Kill ends it as kill -9 does.
func (s *OpenSearch) Kill() {
	if s.process != nil {
		s.process.Kill()
	}
}
