package worker

import (
	"time"

	"refold/config"
	"refold/exactlyonce"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/livefeed"
)

func engineConfig(c config.Config) exactlyonce.Config {
	p := c.Processor
	return exactlyonce.Config{
		BatchRecords: p.BatchRecords, BatchBytes: int(p.BatchBytes),
		FetchMaxBytes: int32(p.FetchBytes), LeastGap: p.LeastGap,
		Producers: p.Producers, LeaveTimeout: p.LeaveTimeout,
		BackoffMin: p.BackoffMin, BackoffMax: p.BackoffMax, StallAfter: p.StallAfter,
		TopicsMaxAge: c.Topics.CheckInterval, InstanceID: p.InstanceID,
		Standbys: standbys(c.Store), AcceptableLag: int64(c.Store.AcceptableLag),
		ProbingInterval: c.Store.ProbingInterval,
	}
}

// standbys is how many the engine is to have of each partition; to it zero is the default.
func standbys(c config.Store) int {
	if c.Standbys == 0 {
		return -1
	}
	return c.Standbys
}

func viewLimits(c config.HTTP, v config.Views, p config.Processor) views.Limits {
	return views.Limits{
		Waiters: c.Waiters, Sending: c.Sending, PageBytes: int(c.PageBytes), TraceNodes: c.TraceNodes,
		FetchBytes: int(v.FetchBytes), StateEvery: v.StateEvery,
		StallAfter: p.StallAfter,
	}
}

// placement says which partitions the read side has.
func placement(v config.Views) views.Placement {
	if v.Placement == "everywhere" {
		return views.Everywhere
	}
	return views.Owned
}

// traceRetention is how long messages are kept for traces; 0: not at all.
func traceRetention(c config.Views) time.Duration {
	if !c.Traces {
		return 0
	}
	return c.TraceRetention
}

func liveLimits(c config.HTTP) livefeed.Limits {
	return livefeed.Limits{Listeners: c.Listeners, Backlog: int64(c.ListenerLag)}
}

// otherHeaderBytes is what a request's header has beside a link or a token of ours.
const otherHeaderBytes = 4 << 10

// httpLimits takes headers that are long enough for all links and tokens that the API gives, whatever is
// configured.
func httpLimits(c config.HTTP, topics config.Topics, aggregates int) httpapi.Limits {
	own := max(httpapi.LinkBytes, livefeed.PositionBytes(viewTopics(aggregates)*topics.Partitions))
	return httpapi.Limits{
		BodyBytes: int64(c.BodyBytes), HeaderBytes: max(int(c.HeaderBytes), own+otherHeaderBytes),
		ReadTimeout: c.ReadTimeout, RequestTimeout: c.RequestTimeout, Wait: c.WaitTimeout,
		UnknownWait: c.UnknownWait, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		PageRows: c.PageRows, Shutdown: c.Shutdown,
		ForwardTimeout: c.ForwardTimeout, TraceNodes: c.TraceNodes,
	}
}
