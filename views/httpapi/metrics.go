package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by route pattern, never by path: a path has as many values as there are
// aggregates.
type metrics struct {
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "refold_http_request_seconds",
			Help:    "Time to answer a request, the wait that it asked for included; streams left out.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
		}, []string{"route", "method", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "refold_http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	for _, c := range []prometheus.Collector{m.seconds, m.inFlight} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("httpapi: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(route, method string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
	default:
		method = "other" // anybody can make up methods, and each would be a time series
	}
	m.seconds.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// peerMetrics measure the requests to other pods, of clients' and of those that gather.
type peerMetrics struct{ seconds *prometheus.HistogramVec }

func newPeerMetrics(reg prometheus.Registerer) (*peerMetrics, error) {
	m := &peerMetrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "refold_http_forward_seconds",
		Help: "Time until another pod has answered, the wait that a client asked for included, by outcome: " +
			"answered; misdirected, it does not have the partition; unreachable; stranger, another program " +
			"has its address; broken off; late; abandoned by the client; busy, too many wait already.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30},
	}, []string{"outcome"})}
	if err := reg.Register(m.seconds); err != nil {
		return nil, fmt.Errorf("httpapi: register metrics: %w", err)
	}
	return m, nil
}

func (m *peerMetrics) observe(o outcome, took time.Duration) {
	m.seconds.WithLabelValues(string(o)).Observe(took.Seconds())
}
