package exactlyonce

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"

	"refold/kafka"
)

// Metrics are what a Processor measures, under names that begin with "exactlyonce_". One Metrics
// serves one Processor. All methods of a nil *Metrics do nothing.
type Metrics struct {
	transactions *prometheus.CounterVec
	aborts       *prometheus.CounterVec
	duration     prometheus.Histogram
	records      prometheus.Histogram
	bytes        prometheus.Histogram
	handle       prometheus.Histogram
	between      prometheus.Histogram
	lag          *prometheus.GaugeVec
	stalled      *prometheus.GaugeVec
	holds        *prometheus.GaugeVec
	age          prometheus.Histogram
	rebalances   prometheus.Counter
	restarts     *prometheus.CounterVec
	fences       prometheus.Counter
	fetchErrors  prometheus.Counter
	ready        prometheus.GaugeFunc
	isReady      atomic.Pointer[func() error]
	gone         prometheus.Counter
}

// NewMetrics registers a Processor's metrics. It panics if they are registered there already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	const ns = "exactlyonce"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: ns, Name: name, Help: help})
	}
	counters := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(
			prometheus.CounterOpts{Namespace: ns, Name: name, Help: help}, []string{label})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: ns, Name: name, Help: help, Buckets: buckets,
		})
	}
	seconds := prometheus.ExponentialBuckets(0.001, 2, 16)
	sizes := prometheus.ExponentialBuckets(1, 4, 10)
	m := &Metrics{
		transactions: counters("transactions_total", "Transactions by how they ended.", "outcome"),
		aborts: counters("transaction_failures_total",
			"Transactions that did not commit, by Kafka's name of the reason.", "reason"),
		duration: histogram("transaction_duration_seconds",
			"From the close of a batch until it is committed, local store included.", seconds),
		records: histogram("transaction_records",
			"Input records in a committed transaction.", sizes),
		bytes: histogram("transaction_bytes",
			"Bytes that a committed transaction took in, emitted and wrote as rows.",
			prometheus.ExponentialBuckets(64, 8, 8)),
		handle: histogram("handle_duration_seconds",
			"From the hand-over of a poll's records to Goka until all are handled.", seconds),
		between: histogram("between_duration_seconds",
			"How long a call of Session.Between held the graph up, its transaction apart.", seconds),
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: ns, Name: "input_lag_records",
			Help: "Offsets between what is committed and the end of an input partition, as the brokers " +
				"tell; none while they don't. Transaction markers count for a moment.",
		}, []string{"topic", "partition"}),
		stalled: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: ns, Name: "stalled_seconds",
			Help: "For how long an input partition has had something to handle of which nothing was " +
				"committed, whatever the cause; 0: it moves, or is empty.",
		}, []string{"topic", "partition"}),
		holds: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: ns, Name: "held_partition",
			Help: "1 for each cause for which an input partition is held: nothing of it is handled.",
		}, []string{"topic", "partition", "cause"}),
		age: histogram("record_age_seconds",
			"Age of the newest input record of a transaction when it is committed.", seconds),
		rebalances: counter("rebalances_total", "Times that partitions were taken away."),
		restarts: counters("restarts_total",
			"Times that the clients were made anew, by Kafka's name of the reason.", "reason"),
		fences: counter("producer_fences_total",
			"Times that another worker, or a time-out, took over our transactional ID."),
		fetchErrors: counter("fetch_errors_total", "Errors of fetches that were not passing."),
		gone: counter("deleted_input_offsets_total", "Offsets that brokers deleted before the "+
			"group handled them. Transaction markers count, so that 1 may be none."),
	}
	m.ready = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: ns, Name: "ready",
		Help: "1 while the worker is a member of its group and everything that it has moves, else 0.",
	}, func() float64 {
		if ready := m.isReady.Load(); ready != nil && (*ready)() == nil {
			return 1
		}
		return 0
	})
	reg.MustRegister(m.transactions, m.aborts, m.duration, m.records, m.bytes, m.handle, m.between,
		m.lag, m.stalled, m.holds, m.age, m.rebalances, m.restarts, m.fences, m.fetchErrors, m.gone, m.ready)
	for _, o := range []outcome{committed, aborted, refused, unknown} {
		m.transactions.WithLabelValues(o.String())
	}
	return m
}

func (m *Metrics) transaction(f *flight, o outcome, err error) {
	if m == nil {
		return
	}
	m.transactions.WithLabelValues(o.String()).Inc()
	if o != committed {
		m.aborts.WithLabelValues(reason(err)).Inc()
		return
	}
	now := time.Now()
	m.duration.Observe(now.Sub(f.started).Seconds())
	if f.between == nil {
		m.records.Observe(float64(f.records))
	}
	m.bytes.Observe(float64(f.bytes))
	if !f.newest.IsZero() {
		m.age.Observe(max(0, now.Sub(f.newest).Seconds()))
	}
}

func (m *Metrics) handled(took time.Duration) {
	if m != nil {
		m.handle.Observe(took.Seconds())
	}
}

func (m *Metrics) held(took time.Duration) {
	if m != nil {
		m.between.Observe(took.Seconds())
	}
}

func (m *Metrics) rebalance() {
	if m != nil {
		m.rebalances.Inc()
	}
}

func (m *Metrics) restart(err error) {
	if m != nil {
		m.restarts.WithLabelValues(reason(err)).Inc()
	}
}

func (m *Metrics) fence() {
	if m != nil {
		m.fences.Inc()
	}
}

func (m *Metrics) fetchError() {
	if m != nil {
		m.fetchErrors.Inc()
	}
}

// attach sets the function that the gauge of readiness calls.
func (m *Metrics) attach(ready func() error) {
	if m != nil {
		m.isReady.Store(&ready)
	}
}

func (m *Metrics) deleted(offsets int64) {
	if m != nil {
		m.gone.Add(float64(offsets))
	}
}

// labelsOf returns the labels of a partition's metrics.
func labelsOf(tp kafka.TopicPartition) prometheus.Labels {
	return prometheus.Labels{"topic": tp.Topic, "partition": strconv.Itoa(int(tp.Partition))}
}

// hold sets whether a partition is held for a cause (1) or not any more (0).
func (m *Metrics) hold(tp kafka.TopicPartition, c cause, held float64) {
	if m == nil {
		return
	}
	partition := strconv.Itoa(int(tp.Partition))
	if held == 0 {
		m.holds.DeleteLabelValues(tp.Topic, partition, string(c))
		return
	}
	m.holds.WithLabelValues(tp.Topic, partition, string(c)).Set(held)
}

// forget removes the metrics of partitions that the worker no longer has.
func (m *Metrics) forget(claims map[kafka.TopicPartition]*claim) {
	if m == nil {
		return
	}
	for tp := range claims {
		m.lag.Delete(labelsOf(tp))
		m.stalled.Delete(labelsOf(tp))
		m.holds.DeletePartialMatch(labelsOf(tp))
	}
}

// reason returns a label of bounded variety: Kafka's name of an error, or "other".
func reason(err error) string {
	var kafkaError *kerr.Error
	switch {
	case errors.Is(err, errForsaken):
		return "partitions lost"
	case errors.As(err, &kafkaError):
		return kafkaError.Message
	}
	return "other"
}
