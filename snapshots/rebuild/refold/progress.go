package refold

import "time"

// Phase is a part of a refold.
type Phase string

// The phases, in their order.
const (
	// PhaseFold: events are folded into the shadow.
	PhaseFold Phase = "fold"
	// PhaseCompare: the live rows are compared with the shadow.
	PhaseCompare Phase = "compare"
	// PhaseClose: rows are corrected between transactions.
	PhaseClose Phase = "close"
	// PhaseDone: the refold has succeeded.
	PhaseDone Phase = "done"
)

// PhaseProgress is the progress of a refold within its phase.
type PhaseProgress struct {
	Phase Phase
	// Events is how many were folded.
	Events int64
	// Next and End are offsets of the events topic: all below Next are folded, and the partition ended
	// at End when that was last asked. There are fewer events than offsets.
	Next, End int64
	// Rows is how many keys were compared, of about RowsOf.
	Rows, RowsOf int64
	// Differing is how many rows are known to differ from the fold.
	Differing int64
	// Candidates is how many rows are left to judge between transactions.
	Candidates int64
	// Rate is the recent rate a second: of events, or of rows when these are compared.
	Rate float64
	// Left is an estimate of how long the phase still takes; 0: not known.
	Left time.Duration
	// Held: a transaction that is still open holds up the reading of events.
	Held bool
	// Fault is a fault that is being retried. Nil: there is none.
	Fault error
}

// rateWindow is how far back the rate looks.
const rateWindow = 5 * time.Second

// meter reports progress, at limited rate.
type meter struct {
	PhaseProgress
	tell     func(PhaseProgress)
	interval time.Duration

	told  time.Time
	since time.Time // the rate counts from here on
	done  int64     // what had been done by then
}

func newMeter(o *Options) *meter {
	now := time.Now()
	return &meter{
		PhaseProgress: PhaseProgress{Phase: PhaseFold, End: -1},
		tell:          o.Progress, interval: o.ProgressInterval, told: now, since: now,
	}
}

// enter begins a phase.
func (m *meter) enter(p Phase) {
	if m.Phase == p {
		return
	}
	m.Phase, m.since = p, time.Now()
	m.done = m.amount()
	m.Rate, m.Left = 0, 0
	m.report()
}

func (m *meter) amount() int64 {
	switch m.Phase {
	case PhaseFold:
		return m.Events
	case PhaseCompare, PhaseClose, PhaseDone:
	}
	return m.Rows
}

// tick reports the progress if it is time to.
func (m *meter) tick() {
	if time.Since(m.told) >= m.interval {
		m.report()
	}
}

// report reports the progress now.
func (m *meter) report() {
	now := time.Now()
	m.told = now
	if past := now.Sub(m.since); past > 0 {
		m.Rate = float64(m.amount()-m.done) / past.Seconds()
		if past > rateWindow {
			m.since, m.done = now.Add(-past/2), m.amount()-int64(m.Rate*past.Seconds()/2)
		}
	}
	m.Left = m.left()
	m.tell(m.PhaseProgress)
}

// left estimates how long the phase still takes.
func (m *meter) left() time.Duration {
	var left float64
	switch m.Phase {
	case PhaseFold:
		if m.Next > 0 && m.End > m.Next { // events are as dense as they were
			left = float64(m.End-m.Next) * float64(m.Events) / float64(m.Next)
		}
	case PhaseCompare:
		left = float64(max(m.RowsOf-m.Rows, 0))
	case PhaseClose, PhaseDone:
	}
	if left == 0 || m.Rate <= 0 {
		return 0
	}
	return time.Duration(left / m.Rate * float64(time.Second))
}
