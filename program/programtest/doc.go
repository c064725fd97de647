// Package programtest runs a whole program in a test: an embedded Kafka cluster and schema registry, the
// aggregates' topics and schemas, and a worker with its views and HTTP API, as in production.
//
//	c := programtest.Start(t, garage)
//	c.Accepted("garage", "g-1", garages.OpenGarage{Spaces: 2, PricePerHour: 250, Currency: "EUR"})
//	c.Rejected("garage", "g-1", garages.LeaveGarage{Plate: "B-1"}, "car-outside")
//	programtest.Eventually(c, "garage", "g-1", func(g garages.Garage) bool { return g.Free() == 2 })
//
// A test takes some seconds at most. The embedded cluster is no durable store: it forgets everything in the
// end.
package programtest
