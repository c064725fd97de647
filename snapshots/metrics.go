package snapshots

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures stores. One may serve several Stores, which their Name tells apart. A nil
// *Metrics measures nothing.
type Metrics struct {
	records   *prometheus.CounterVec
	heals     *prometheus.CounterVec
	commits   *prometheus.HistogramVec
	remaining *prometheus.Desc
	disk      *prometheus.Desc
	rows      *prometheus.Desc
	hits      *prometheus.Desc
	misses    *prometheus.Desc
	cached    *prometheus.Desc

	mu     sync.Mutex
	stores map[*Stores]struct{}
}

// NewMetrics registers the metrics with reg. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	partition := []string{"stores", "topic", "partition"}
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_store_restored_records_total",
			Help: "Records that stores were restored from.",
		}, []string{"stores", "topic"}),
		heals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refold_store_rebuilds_total",
			Help: "Stores thrown away and rebuilt from their topic, by reason.",
		}, []string{"stores", "reason"}),
		commits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "refold_store_commit_seconds",
			Help:    "Time to apply a batch of rows to a store.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 12),
		}, []string{"stores"}),
		remaining: prometheus.NewDesc("refold_store_restore_remaining_offsets",
			"Offsets that a running restore still has to read; absent when none runs.",
			partition, nil),
		disk: prometheus.NewDesc("refold_store_disk_bytes", "Disk space of a store.",
			partition, nil),
		rows: prometheus.NewDesc("refold_store_rows", "Rows of a store, an estimate.",
			partition, nil),
		hits: prometheus.NewDesc("refold_row_cache_hits_total",
			"Rows found in the row cache.", []string{"stores"}, nil),
		misses: prometheus.NewDesc("refold_row_cache_misses_total",
			"Rows not found in the row cache.", []string{"stores"}, nil),
		cached: prometheus.NewDesc("refold_row_cache_bytes",
			"Size of the row cache.", []string{"stores"}, nil),
		stores: make(map[*Stores]struct{}),
	}
	reg.MustRegister(m.records, m.heals, m.commits, m)
	return m
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		m.remaining, m.disk, m.rows, m.hits, m.misses, m.cached,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. It asks every open store for its size.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gauge := func(d *prometheus.Desc, value int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	count := func(d *prometheus.Desc, value int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	for s := range m.stores {
		name := s.options.Name
		for _, st := range s.all() {
			labels := []string{name, st.at.Topic, strconv.Itoa(int(st.at.Partition))}
			if p := st.progress.Load(); p != nil && p.End >= 0 {
				gauge(m.remaining, p.End-p.Next, labels...)
			}
			if size, open := st.size(); open {
				gauge(m.disk, size.disk, labels...)
				gauge(m.rows, size.rows, labels...)
			}
		}
		cache := s.rows.stats()
		count(m.hits, cache.hits, name)
		count(m.misses, cache.misses, name)
		gauge(m.cached, cache.bytes, name)
	}
}

func (s *store) size() (size, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.back == nil {
		return size{}, false
	}
	return s.back.size(), true
}

func (m *Metrics) attach(s *Stores) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stores[s] = struct{}{}
}

func (m *Metrics) detach(s *Stores) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.stores, s)
}

func (m *Metrics) restored(s *Stores, topic string, records int) {
	if m != nil {
		m.records.WithLabelValues(s.options.Name, topic).Add(float64(records))
	}
}

func (m *Metrics) healed(s *Stores, reason string) {
	if m != nil {
		m.heals.WithLabelValues(s.options.Name, reason).Inc()
	}
}

func (m *Metrics) committed(s *Stores, took time.Duration) {
	if m != nil {
		m.commits.WithLabelValues(s.options.Name).Observe(took.Seconds())
	}
}
