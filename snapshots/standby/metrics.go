package standby

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures standbys. A nil *Metrics measures nothing.
type Metrics struct {
	records  *prometheus.CounterVec
	restarts *prometheus.CounterVec
	lag      *prometheus.Desc

	mu       sync.Mutex
	standbys map[*Standbys]struct{}
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_standby_records_total",
			Help: "Records of the live tail that standbys have filed.",
		}, []string{"topic"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_standby_restarts_total",
			Help: "Copies of standbys that failed and were opened anew.",
		}, []string{"topic"}),
		lag: prometheus.NewDesc("refold_standby_lag_records",
			"Offsets that a standby lacks of a partition, as of its last fetch; absent while its store is "+
				"being restored.", []string{"group", "topic", "partition"}, nil),
		standbys: make(map[*Standbys]struct{}),
	}
	reg.MustRegister(m.records, m.restarts, m)
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) { out <- m.lag }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.standbys {
		for _, c := range s.attached() {
			if lag := c.lag(); lag >= 0 {
				out <- prometheus.MustNewConstMetric(m.lag, prometheus.GaugeValue, float64(lag),
					c.group.options.Name, c.at.Topic, strconv.Itoa(int(c.at.Partition)))
			}
		}
	}
}

func (m *Metrics) attach(s *Standbys) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.standbys[s] = struct{}{}
}

func (m *Metrics) detach(s *Standbys) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.standbys, s)
}

func (m *Metrics) applied(topic string, records int) {
	if m != nil {
		m.records.WithLabelValues(topic).Add(float64(records))
	}
}

func (m *Metrics) restarted(topic string) {
	if m != nil {
		m.restarts.WithLabelValues(topic).Inc()
	}
}
