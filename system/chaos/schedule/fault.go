package schedule

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// Kinds of faults. Those of a worker.
const (
	KillWorker  Kind = "kill-worker"  // kill -9; started again at the end
	PauseWorker Kind = "pause-worker" // SIGSTOP for longer than the session's time-out: a zombie
	StopWorker  Kind = "stop-worker"  // SIGTERM; started again at the end
	RollWorkers Kind = "roll-workers" // each one stopped and started, one after another
	FullDisk    Kind = "full-disk"    // not a byte left below the worker's stores
	DamageStore Kind = "damage-store" // killed, and a file of its stores overwritten in part
	DeleteStore Kind = "delete-store" // killed, and a file of its stores deleted
	StoreAhead  Kind = "store-ahead"  // killed, and the checkpoint of a store set ahead of its topic
	// KillAnswering is a kill -9 while an answer to another pod is on its way; started again at the end.
	KillAnswering Kind = "kill-answering"
	// LostAddress: killed, and started with an advertised address at which other pods don't find it; at the
	// end, started again with its own.
	LostAddress Kind = "lost-address"
)

// Kinds of faults between pods: of what other pods send to the worker that is their Target. Clients reach it.
const (
	CutPeers   Kind = "cut-peers"   // connections break, at the request or at the answer
	HangPeers  Kind = "hang-peers"  // other pods connect and get no answer; it gets the request or not
	DelayPeers Kind = "delay-peers" // everything takes longer
)

// Kinds of faults between a worker, or the load, and the brokers: all of them, or one.
const (
	Cut         Kind = "cut"          // nothing passes
	CutRequests Kind = "cut-requests" // no request passes, answers do
	CutAnswers  Kind = "cut-answers"  // requests pass, and no answer
	LoseAnswers Kind = "lose-answers" // requests are done, and the connection breaks then
	Delay       Kind = "delay"        // everything takes longer
)

// Kinds of faults of the rest.
const (
	KillBroker   Kind = "kill-broker"   // kill -9; started again at the end
	StopBroker   Kind = "stop-broker"   // SIGTERM; started again at the end
	PauseBroker  Kind = "pause-broker"  // SIGSTOP, mostly for longer than a transaction may be open
	RegistryDown Kind = "registry-down" // no worker reaches it
	Poison       Kind = "poison"        // some commands that nobody can read
	TakeRight    Kind = "take-right"    // the brokers refuse the workers what is their Target
	RefuseSchema Kind = "refuse-schema" // the registry refuses one schema (403), and has the others
)

// Kinds of rebuilds that somebody asks for: no faults, but work that all the others interrupt.
const (
	Rebuild       Kind = "rebuild"         // of a table
	DryRebuild    Kind = "rebuild-dry-run" // which compares only
	CancelRebuild Kind = "rebuild-cancel"  // one that is withdrawn at the end
)

// Kinds of faults of the servers that read models are kept in, which are their Targets.
const (
	KillStore  Kind = "kill-store"  // at once; started again at the end
	PauseStore Kind = "pause-store" // SIGSTOP, all its processes
)

// Servers that read models are kept in.
const (
	Postgres = "postgres"
	Redis    = "redis"
)

// RebuildModel is no fault either: somebody asks for a rebuild of the read model that is its Target.
const RebuildModel Kind = "rebuild-read-model"

// ReadModels are the read models of the program.
var ReadModels = []string{
	"accounts_current", "account_statement", "orders_by_status", "customer_orders", "order_search",
	"account_card",
}

// Tables that are rebuilt.
const (
	Accounts = "accounts"
	Orders   = "orders"
)

// What happens after the first verdict, when all others have been survived.
const (
	// RemakeTopic: a topic is deleted below running workers and made again, empty. They must refuse to
	// go on, until an operator has made its content anew.
	RemakeTopic Kind = "remake-topic"
	// GrowTopic is the last: a topic is given one partition more than those that belong to it. Nothing
	// goes on from there.
	GrowTopic Kind = "grow-topic"
)

// Load is the target of a fault of the network between the load and the brokers.
const Load = "load"

// Roles by which a broker is chosen when its turn has come.
const (
	Leader                 = "leader"                  // of a partition of a commands topic
	GroupCoordinator       = "group-coordinator"       // of one of the groups
	TransactionCoordinator = "transaction-coordinator" // of one of the workers' producers
	Controller             = "controller"              // of the quorum
	AnyBroker              = "any"
)

// Fault is one thing that goes wrong, and ends.
type Fault struct {
	// At is when it begins, after the beginning of the run; it may come later if the cluster has
	// not recovered from the last one.
	At Duration `json:"at"`
	// Kind is what it is.
	Kind Kind `json:"kind"`
	// Target is a worker (WorkerName), Load, a broker's role, a table, a topic, a store, a read model, or a
	// right of the workers, as realkafka.ParseRight reads it; empty if the kind says it all.
	Target string `json:"target,omitempty"`
	// Broker, of a fault of the network: the one that the target is cut off from, 1 to 3; 0: all.
	Broker int `json:"broker,omitempty"`
	// Lasts is how long until it is ended: the worker started again, the path healed.
	Lasts Duration `json:"lasts,omitempty"`
	// Choice decides what is chosen when its turn has come, such as which file.
	Choice uint64 `json:"choice"`
}

// String is a line of the run's log.
func (f Fault) String() string {
	var text strings.Builder
	text.WriteString(string(f.Kind))
	if f.Target != "" {
		text.WriteString(" " + f.Target)
	}
	if f.Broker != 0 {
		fmt.Fprintf(&text, " from broker %d", f.Broker)
	}
	if f.Lasts > 0 {
		fmt.Fprintf(&text, " for %v", f.Lasts)
	}
	return text.String()
}

// End is when it ends.
func (f Fault) End() Duration { return f.At + f.Lasts }

// WorkerName is the name of the nth worker, from 0.
func WorkerName(n int) string { return fmt.Sprintf("worker-%d", n+1) }

// Duration is a time.Duration that is written as a text, such as 1m2.5s.
type Duration time.Duration

// String returns it as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes it as a text.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(d.String()) //nolint:wrapcheck // it can't fail
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("a duration is a text such as \"1m2s\": %w", err)
	}
	parsed, err := time.ParseDuration(text)
	*d = Duration(parsed)
	if err != nil {
		return fmt.Errorf("reading a duration: %w", err)
	}
	return nil
}
