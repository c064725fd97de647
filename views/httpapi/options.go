package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
	"refold/codecs/rules"
	"refold/eventsourcing"
	"refold/processors"
	"refold/views"
	"refold/views/httpapi/admin"
	"refold/views/httpapi/endpoint"
)

// Rows reads an aggregate's current states. views.Aggregate is one.
type Rows interface {
	Get(id string) (views.Row, error)
	WaitFor(ctx context.Context, id string, atLeast int64) (views.Row, error)
	List(after string, limit int) (views.Page, error)
}

// Events reads an aggregate's history. views.Aggregate is one.
type Events interface {
	Events(ctx context.Context, id string, q views.EventQuery) (views.EventPage, error)
	// WaitEvents waits for events behind q.After.
	WaitEvents(ctx context.Context, id string, q views.EventQuery) (views.EventPage, error)
}

// Past reads an aggregate's states of the past. views.Aggregate does.
type Past interface {
	At(ctx context.Context, id string, m views.Moment) (views.PastRow, error)
	// Each calls fn with the states after the events from first to last, in order.
	Each(ctx context.Context, id string, first, last int64, fn func(views.PastRow) error) error
}

// Sender puts commands into an aggregate's topic. *views.Aggregate is one.
type Sender interface {
	// Send returns when the command is safe in the topic. After another error than
	// views.ErrNotSent it may or may not be there.
	Send(ctx context.Context, command eventsourcing.Envelope[any]) error
	// Differs reports whether the first command under the same ID, as far as one is known, was
	// another one: of another type, or with other data.
	Differs(command eventsourcing.Envelope[any]) (bool, error)
}

// CommandTypes knows an aggregate's commands. codecs.Set is one.
type CommandTypes interface {
	Types() []string
	FromText(typeName string, text jsonvalue.Text) (today string, v any, err error)
	// WrittenType returns the name of the type that a command is written as.
	WrittenType(v any) string
	DescribeJSON(
		typeName string, named func(fullName string, schema *avrojson.Schema) (ref string),
	) *avrojson.Schema
}

// Commands finds commands, by their whole identity or by their ID alone. views.Views does.
type Commands interface {
	Command(ctx context.Context, key views.CommandKey) (views.Command, error)
	WaitCommand(ctx context.Context, key views.CommandKey, atLeast views.Status) (views.Command, error)
	CommandsOf(ctx context.Context, id string) (views.Namesakes, error)
	WaitCommandsOf(ctx context.Context, id string) (views.Namesakes, error)
}

// Traces finds traces by correlation ID. views.Views does.
type Traces interface {
	Trace(ctx context.Context, correlationID string) (views.Trace, error)
}

// Resource is an aggregate as the API shows it.
type Resource struct {
	Name     string // "account": in texts, and in a command's member aggregate
	Plural   string // "accounts": in paths
	Rows     Rows
	Sender   Sender
	Commands CommandTypes
	// Events may be nil: then there is no such endpoint, unless NoHistory says why.
	Events Events
	// Past may be nil: then there are current states only.
	Past Past
	// NoResults, NoHistory and NoTraces say what is not kept of the aggregate, by the settings
	// aggregates.<name>.results, .history and .traces. Without results the outcome of a command can't be
	// awaited.
	NoResults, NoHistory, NoTraces bool
	// Rejections are the codes with which the aggregate rejects commands, for the description. There may be
	// others: clients must expect them.
	Rejections []Rejection
	// Rules are those that commands must keep, by type; may be nil. RulesBroken returns the ones that a
	// command breaks; nil: none.
	Rules       map[string][]rules.Rule
	RulesBroken func(command any) []rules.Violation
	// State is the Go type of views.Row.State, which the API's description is made from.
	State reflect.Type
	// Example is a state for the description; may be nil.
	Example any
	// CommandExamples are data of commands for the description, by type; may be nil.
	CommandExamples map[string]json.RawMessage
}

// setting names the setting by which a part of the aggregate is not kept.
func (r *Resource) setting(part string) string {
	return "the setting aggregates." + r.Name + "." + part
}

// Rejection is a code with which an aggregate rejects commands.
type Rejection struct {
	Code    string // "insufficient-funds"
	Meaning string // in words
}

// Check is one of the things that must be well before the server is ready.
type Check struct {
	Name string // "views", "accounts-processor"
	// Ready returns nil, or what is missing, in words fit for an operator. It must not block.
	Ready func() error
}

// Limits bounds what requests may cost. Zero fields take their default.
type Limits struct {
	// BodyBytes limits a request's body; 64 KiB. A command that large is no command.
	BodyBytes int64
	// HeaderBytes limits a request's header; 16 KiB.
	HeaderBytes int
	// ReadTimeout limits how long a request may take to arrive; 5 s.
	ReadTimeout time.Duration
	// RequestTimeout limits how long a request may work, beside the wait that it asks for; 5 s.
	RequestTimeout time.Duration
	// Wait limits Prefer: wait; 30 s. How many may wait at once is a limit of package views.
	Wait time.Duration
	// UnknownWait is how long GET /commands/{id} waits for a command that isn't known before it
	// says 404: a client that follows the Location of a 202 at once is faster than the view. 500 ms.
	UnknownWait time.Duration
	// WriteTimeout limits how long a client may take to read its answer; 10 s.
	WriteTimeout time.Duration
	// IdleTimeout limits how long a connection may be kept without a request; 2 min.
	IdleTimeout time.Duration
	// PageRows limits the rows of a page; 1000. A page without ?limit has a tenth of it.
	PageRows int
	// Shutdown limits how long requests may take to finish when the server stops; 5 s.
	Shutdown time.Duration
	// DialTimeout limits how long it may take to reach another pod; 1 s. A pod whose address leads nowhere
	// costs a request so much.
	DialTimeout time.Duration
	// ForwardTimeout limits how long another pod may take to answer, beside the wait that the client asks
	// for; 10 s. It should be longer than RequestTimeout, so that the owner itself says what takes so long.
	ForwardTimeout time.Duration
	// Forwards limits the requests that wait for other pods at the same time; 10,000. Each has a
	// connection, some 50 KiB. Those beyond it are answered with 503.
	Forwards int
	// ForwardBytes is how much of another pod's answer is taken in before any of it is passed on; 1 MiB. If
	// the pod dies in a longer one, the client gets half an answer, and notices.
	ForwardBytes int
	// IdlePeers limits the idle connections to each other pod; 64. They are kept for half of IdleTimeout.
	IdlePeers int
	// GatherParallel limits how many pods a request that gathers from all of them asks at the same time; 16.
	GatherParallel int
	// Namesakes and TraceNodes are those of views.Limits; 100 and 1,000. They bound what is made of the
	// parts of all owners.
	Namesakes, TraceNodes int
	// Heartbeat is how often a stream with nothing to say shows that it is alive; 15 s, which most
	// proxies wait for.
	Heartbeat time.Duration
}

// Options says what a server is made of.
type Options struct {
	Resources []Resource
	Commands  Commands
	// Traces is behind GET /traces/{id}, which is not there if this is nil.
	Traces Traces
	// Rebuilds is behind GET /rebuilds and POST /admin/rebuilds, which are not there if this is nil.
	Rebuilds admin.Rebuilds
	// Views is behind GET /views and POST /admin/views/…, which are not there if this is nil.
	Views admin.ViewStates
	// Trail remembers what operators ask for; nil: nothing does.
	Trail admin.Trail
	// Live is behind GET /events/live, which is not there if this is nil.
	Live Live
	// Stores is behind StoresPath, which is not there if this is nil.
	Stores    Stores
	Readiness []Check
	// Placement says where partitions are; nil: all are here. Instance is then this pod's name in it.
	Placement Placement
	Instance  string
	// Peers makes the requests to other pods; a transport of the Limits if nil.
	Peers http.RoundTripper
	// Routes are endpoints of the program's own.
	Routes []Route
	// Endpoints register endpoints of the program's own in the set that has those of this package, by
	// endpoint.Register. So their parameters and answers are checked and described like ours.
	Endpoints []func(*endpoint.Set)
	// Pages answers everything below PagesPath, for people. It limits the time of its requests by itself.
	// Nil: there is nothing.
	Pages  http.Handler
	Limits Limits
	// Version of the program, for the API's description.
	Version string
	// Source is the commands' ce_source; "refold/http" if empty.
	Source string
	// Gatherer is what /metrics shows, Registerer where the server's own metrics go.
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	// Tracer makes a span for each request that is not for operators; nil: none.
	Tracer trace.Tracer
	Logger *slog.Logger
	// Now is the clock that commands are stamped with; time.Now if nil.
	Now func() time.Time
}

// WithDefaults returns the limits with the defaults in the place of zeros.
func (l Limits) WithDefaults() Limits {
	def(&l.BodyBytes, 64<<10)
	def(&l.HeaderBytes, 16<<10)
	def(&l.ReadTimeout, 5*time.Second)
	def(&l.RequestTimeout, 5*time.Second)
	def(&l.Wait, 30*time.Second)
	def(&l.UnknownWait, 500*time.Millisecond)
	def(&l.WriteTimeout, 10*time.Second)
	def(&l.IdleTimeout, 2*time.Minute)
	def(&l.PageRows, 1000)
	def(&l.Shutdown, 5*time.Second)
	def(&l.Heartbeat, 15*time.Second)
	def(&l.DialTimeout, time.Second)
	def(&l.ForwardTimeout, 10*time.Second)
	def(&l.Forwards, 10_000)
	def(&l.ForwardBytes, 1<<20)
	def(&l.IdlePeers, 64)
	def(&l.GatherParallel, 16)
	def(&l.Namesakes, views.Limits{}.WithDefaults().Namesakes)
	def(&l.TraceNodes, views.Limits{}.WithDefaults().TraceNodes)
	return l
}

func (o Options) withDefaults() (Options, error) {
	o.Limits = o.Limits.WithDefaults()
	def(&o.Version, "unknown")
	def(&o.Source, "refold/http")
	if o.Now == nil {
		o.Now = time.Now
	}
	err := o.validate()
	return o, err
}

// def sets *value to its default if it is zero.
func def[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

func (o *Options) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Commands": o.Commands == nil, "Gatherer": o.Gatherer == nil,
		"Registerer": o.Registerer == nil, "Logger": o.Logger == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("httpapi: Options.%s is missing", name))
		}
	}
	if (o.Placement == nil) != (o.Instance == "") {
		errs = append(errs, errors.New("httpapi: Options.Placement and Instance must be set together"))
	}
	var names processors.Names
	for i, r := range o.Resources {
		names.Aggregates = append(names.Aggregates, processors.AggregateName{Name: r.Name, Plural: r.Plural})
		if r.Rows == nil || r.Sender == nil || r.Commands == nil || r.State == nil {
			errs = append(errs, fmt.Errorf("httpapi: Options.Resources[%d] (%s): "+
				"Rows, Sender, Commands and State must all be set", i, r.Name))
		}
		for _, rejection := range r.Rejections {
			if rejection.Code == "" || rejection.Meaning == "" {
				errs = append(errs, fmt.Errorf("httpapi: Options.Resources[%d] (%s): a rejection needs "+
					"a code and a meaning: %+v", i, r.Name, rejection))
			}
		}
	}
	if err := names.Check(); err != nil {
		errs = append(errs, fmt.Errorf("httpapi: Options.Resources: %w", err))
	}
	return errors.Join(append(errs, o.Limits.validate())...)
}

// aggregates are the names by which a client may name an aggregate: in the plural, and in the singular.
func (o *Options) aggregates() (names []any) {
	for _, r := range o.Resources {
		names = append(names, r.Plural)
		if r.Name != r.Plural {
			names = append(names, r.Name)
		}
	}
	return names
}

func (l Limits) validate() error {
	if l.BodyBytes < 0 || l.HeaderBytes < 0 || l.PageRows < 0 || l.ReadTimeout < 0 ||
		l.RequestTimeout < 0 || l.Wait < 0 || l.UnknownWait < 0 || l.WriteTimeout < 0 ||
		l.IdleTimeout < 0 || l.Shutdown < 0 || l.Heartbeat < 0 || l.DialTimeout < 0 || l.ForwardTimeout < 0 ||
		l.Forwards < 0 || l.ForwardBytes < 0 || l.IdlePeers < 0 || l.GatherParallel < 0 || l.Namesakes < 0 ||
		l.TraceNodes < 0 {
		return fmt.Errorf("httpapi: Options.Limits: no limit may be negative: %+v", l)
	}
	return nil
}
