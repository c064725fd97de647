package config

import "time"

// Reactions are what the program sends to the world outside: how workers run them.
type Reactions struct {
	Run          bool          `key:"run" default:"true" help:"Run the program's reactions in the workers. false: processor react runs them."`
	Only         []string      `key:"only" help:"Names of the reactions that run. Empty: all of the program. Events of the others wait in their topics."`
	Timeout      time.Duration `key:"timeout" default:"30s" min:"10ms" max:"1h" help:"How long one try to send an event may take. A webhook gives up earlier, after 10s as it comes."`
	LeastBackoff time.Duration `key:"least-backoff" default:"1s" min:"1ms" max:"1h" help:"The pause after the first fault of an event. It doubles with each further one. A receiver may ask for a longer one."`
	MostBackoff  time.Duration `key:"most-backoff" default:"1m" min:"1ms" max:"24h" help:"The longest such pause. So long a receiver that is back may wait for the events of a partition."`
	GiveUp       time.Duration `key:"give-up" default:"0s" min:"0s" max:"8760h" help:"How long an event is tried before it counts as refused: see poison. 0s: without an end. Receivers come back, and an event that is set aside is sent out of order."`
	AtOnce       int           `key:"at-once" default:"16" min:"1" max:"10000" help:"How many events of a reaction this worker sends at the same time, each of another partition. It limits the connections to the receiver."`
	Records      int           `key:"records" default:"100" min:"1" max:"1000000" help:"How many records of a partition wait in memory before no more are fetched; up to twice as many may be there."`
	Grace        time.Duration `key:"grace" default:"5s" min:"10ms" max:"5m" help:"How long a try may go on when its partition moves or the worker stops; then its context is cancelled. A stop waits three times this long at worst, for functions that do not heed that. It must be less than a third of kafka.rebalance-timeout."`
	UnreadyAfter time.Duration `key:"unready-after" default:"1m" min:"0s" max:"24h" help:"How long a partition may wait for its receiver before /readyz is red. 0s: for ever. A worker that is not ready gets no requests from most load balancers, though it handles commands: choose 0s where others than oneself run the receiver, and watch refold_reaction_lag_seconds."`
	Poison       string        `key:"poison" default:"dead-letters" oneof:"dead-letters|stop" help:"What becomes of an event that can't be sent. dead-letters: it is set aside there, with the reaction's group, and the next one is sent. stop: its partition is held before it until the process is restarted."`
}

// contradictions finds options of reactions that don't go together.
func (r *Reactions) contradictions(wrong func(path, value, allowed string)) {
	if r.MostBackoff < r.LeastBackoff {
		wrong("reactions.most-backoff", shortDuration(r.MostBackoff),
			"at least reactions.least-backoff, "+shortDuration(r.LeastBackoff))
	}
}
