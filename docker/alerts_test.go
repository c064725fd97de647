package docker_test

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"refold/codecs"
	"refold/docker"
	"refold/exactlyonce"
	"refold/inventory"
	"refold/kafka"
	"refold/outcomes"
	"refold/processors"
	"refold/projections/memory"
	"refold/projections/projector"
	"refold/reactions"
	"refold/readmodels"
	"refold/snapshots"
	"refold/snapshots/verify"
	"refold/views"
	"refold/views/httpapi"
)

// registered collects the labels of all metrics that the program registers, by name.
type registered map[string][]string

var description = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: {([^}]*)}`)

func (r registered) Register(c prometheus.Collector) error {
	found := make(chan *prometheus.Desc, 100)
	c.Describe(found)
	close(found)
	for d := range found {
		match := description.FindStringSubmatch(d.String())
		labels := append([]string{"instance", "job"}, strings.Split(match[2], ",")...)
		if _, is := c.(prometheus.Histogram); is || isHistogram(c) {
			r[match[1]+"_bucket"] = append(labels, "le")
			r[match[1]+"_count"], r[match[1]+"_sum"] = labels, labels
		} else {
			r[match[1]] = labels
		}
	}
	return nil
}

func isHistogram(c prometheus.Collector) bool {
	_, is := c.(*prometheus.HistogramVec)
	return is
}

func (r registered) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

func (registered) Unregister(prometheus.Collector) bool { return false }

// programMetrics registers all metrics as cmd/processor does.
func programMetrics(t *testing.T) registered {
	t.Helper()
	r := registered{"up": {"instance", "job"}} // Prometheus' own
	exactlyonce.NewMetrics(r)
	snapshots.NewMetrics(r)
	verify.NewMetrics(r)
	processors.NewMetrics(r)
	views.NewMetrics(r)
	codecs.NewMetrics(r)
	inventory.NewMetrics(r)
	outcomes.NewMetrics(r, outcomes.NewMemory(1))
	reactions.NewMetrics(r)
	projectorMetrics(t, r)
	_, err := httpapi.NewServer(httpapi.Options{
		Commands:  struct{ httpapi.Commands }{}, // no request asks for one
		Placement: struct{ httpapi.Placement }{}, Instance: "pod",
		Registerer: r, Gatherer: prometheus.NewRegistry(),
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// projectorMetrics registers those of a projector, which takes a projection.
func projectorMetrics(t *testing.T, r registered) {
	t.Helper()
	p := readmodels.AccountsCurrent
	_, err := projector.New(projector.Options{
		Kafka: kafka.Settings{Brokers: []string{"localhost:9092"}}, Metrics: r,
		Projections: []projector.Projected{{Projection: p, Sources: p.Bare(), Store: &memory.Store{}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	text     = regexp.MustCompile(`"[^"]*"`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	matching = regexp.MustCompile(`(\w+)\s*{([^}]*)}`)
	selected = regexp.MustCompile(`(\w+)\s*(?:=~|!=|!~|=)`)
	duration = regexp.MustCompile(`\b\d+[smhd]\b`)
	word     = regexp.MustCompile(`[a-zA-Z_]\w*`)
)

// language are the words of PromQL that the rules use; each other word must be a metric.
var language = []string{
	"sum", "max", "rate", "increase", "histogram_quantile", "unless", "and", "or", "offset",
}

// TestAlertsNameRealMetrics takes rules apart roughly; promtool checks their grammar better.
func TestAlertsNameRealMetrics(t *testing.T) {
	metrics := programMetrics(t)
	all, err := docker.Alerts()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range all {
		checkRule(t, metrics, rule.Name, rule.Expr)
		if rule.Annotations["summary"] == "" || rule.Annotations["todo"] == "" || rule.Why == "" {
			t.Errorf("%s: say what it is (summary), what to do (todo), and why it is there (a comment)",
				rule.Name)
		}
		checkRunbook(t, rule.Name, rule.Annotations["runbook"])
		if s := rule.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q: want page or ticket", rule.Name, s)
		}
		for _, name := range word.FindAllString(rule.Annotations["todo"], -1) {
			ours := strings.HasPrefix(name, "refold_") || strings.HasPrefix(name, "exactlyonce_")
			_, histogram := metrics[name+"_bucket"]
			if _, known := metrics[name]; ours && !known && !histogram {
				t.Errorf("%s: todo speaks of %s, which is no metric", rule.Name, name)
			}
		}
	}
	if len(all) == 0 {
		t.Error("found no rule")
	}
}

// checkRunbook finds an alert that leads a reader nowhere, or that the index of runbooks doesn't have.
func checkRunbook(t *testing.T, alert, runbook string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", runbook))
	if err != nil || filepath.Base(runbook) == "README.md" || !strings.Contains(string(page), "`"+alert+"`") {
		t.Errorf("%s: %q is no page of its own that names it: %v", alert, runbook, err)
	}
	index, err := os.ReadFile("../docs/runbooks/README.md")
	if err != nil || !strings.Contains(string(index), "`"+alert+"`") {
		t.Errorf("%s is not in the index of runbooks: %v", alert, err)
	}
}

// checkRule finds words of an expression that are no metrics, and labels that a metric lacks.
func checkRule(t *testing.T, metrics registered, name, expr string) {
	t.Helper()
	bare := text.ReplaceAllString(expr, "")
	var wanted, used []string
	for _, match := range matching.FindAllStringSubmatch(bare, -1) {
		for _, label := range selected.FindAllStringSubmatch(match[2], -1) {
			if !slices.Contains(metrics[match[1]], label[1]) {
				t.Errorf("%s: %s has no label %s", name, match[1], label[1])
			}
		}
	}
	for _, match := range grouping.FindAllStringSubmatch(bare, -1) {
		wanted = append(wanted, word.FindAllString(match[1], -1)...)
	}
	bare = grouping.ReplaceAllString(bare, " ")
	bare = matching.ReplaceAllString(bare, "$1 ")
	for _, w := range word.FindAllString(duration.ReplaceAllString(bare, ""), -1) {
		labels, known := metrics[w]
		if !known && !slices.Contains(language, w) {
			t.Errorf("%s: %s is no metric of the program", name, w)
		}
		used = append(used, labels...)
	}
	for _, label := range wanted {
		if !slices.Contains(used, label) {
			t.Errorf("%s: groups by %s, which no metric here has", name, label)
		}
	}
}
