package main

import (
	"encoding/json"
	"net/http"

	"example.com/garage/garages"
	"github.com/prometheus/client_golang/prometheus"

	"refold/worker"
)

// freeSpaces adds a route for the display at the entrance, and a metric of how often it is asked.
func freeSpaces(host *worker.Host) error {
	asked := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "garage_free_spaces_requests_total", Help: "How often the free spaces were asked for.",
	})
	if err := host.Metrics.Register(asked); err != nil {
		return err
	}
	host.Handle("GET /garages/{id}/free", "How many spaces of a garage are free.",
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Inc()
			row, err := worker.State[garages.Garage](host, garages.Definition.Name, r.PathValue("id"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]int64{"free": row.State.Free()})
		}))
	return nil
}
