package installation

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"refold/codecs"
	"refold/config"
	"refold/inventory"
	"refold/processors"
	"refold/snapshots/rebuild"
)

// Installation is a program's definitions with a configuration. It is not changed.
type Installation struct {
	Config      config.Config
	Definitions processors.Definitions
	// Version is the program's.
	Version string
	// From says where the values of Config come from; nil: that is not known.
	From *config.Loaded
}

// Check finds what only the packages that use the settings know to be wrong.
func (i *Installation) Check() error {
	return errors.Join(i.Definitions.Names(i.Prefix()).Check(), i.awaited(), i.graceful(),
		i.Kafka(nil).Validate(), i.Registry().Validate())
}

// awaited finds processes that wait for results which are switched off.
func (i *Installation) awaited() error {
	var errs []error
	for _, p := range i.Definitions.Processes {
		for _, a := range p.Awaits() {
			if name := a.Named().Name; !i.Aggregate(name).Results {
				errs = append(errs, fmt.Errorf(
					"aggregates.%s.results is false, but the process %s waits for them",
					name, p.ProcessName()))
			}
		}
	}
	return errors.Join(errs...)
}

// Prefix is in front of the names of all topics and groups.
func (i *Installation) Prefix() string { return i.Config.Topics.Prefix }

// Aggregate returns the settings of an aggregate; of one that is not configured, that everything is kept.
func (i *Installation) Aggregate(name string) config.Aggregate {
	if a := i.Config.Aggregates[name]; a != nil {
		return *a
	}
	return config.Aggregate{Results: true, History: true, Traces: true}
}

// Topics returns the names of an aggregate's topics. Results is empty if it writes none.
func (i *Installation) Topics(a processors.AggregateName) processors.Topics {
	topics := processors.NewTopics(i.Prefix(), a.Name, a.Plural)
	if !i.Aggregate(a.Name).Results {
		topics.Results = ""
	}
	return topics
}

// Rebuildable returns the aggregates as the topic of rebuilds names them.
func (i *Installation) Rebuildable() []rebuild.Aggregate {
	all := make([]rebuild.Aggregate, len(i.Definitions.Aggregates))
	for n, a := range i.Definitions.Aggregates {
		named := a.Named()
		all[n] = rebuild.Aggregate{Name: named.Name, Plural: named.Plural, Group: i.Topics(named).Group}
	}
	return all
}

// WriteLatest is the value of aggregates.<name>.write that allows today's versions.
const WriteLatest = "latest"

// Open connects to the schema registry and makes all codecs. The caller closes the registry.
func (i *Installation) Open(
	mode func(*codecs.RegistrySettings),
) (*codecs.Registry, *processors.Opened, error) {
	settings := i.Registry()
	if mode != nil {
		mode(&settings)
	}
	registry, err := codecs.NewRegistry(settings)
	if err != nil {
		return nil, nil, fmt.Errorf("schema registry: %w", err)
	}
	opened, err := i.Definitions.Open(registry)
	if err != nil {
		registry.Close()
		return nil, nil, err //nolint:wrapcheck // it names the definition
	}
	for _, a := range opened.Aggregates {
		if i.Aggregate(a.Name).Write == WriteLatest {
			opened.WriteLatest(a.Name)
		}
	}
	return registry, opened, nil
}

// Inventory returns the catalog of the installation's topics. o says the rest.
func (i *Installation) Inventory(o inventory.Options) *inventory.Catalog {
	specs := i.TopicSpecs()
	last := len(specs) - 1
	o.Kafka, o.Records = i.Kafka(o.Logger), specs[last]
	o.Topics, o.Ephemeral = specs[:last-1], specs[last-1:last]
	o.Version = i.Version
	return inventory.NewCatalog(o)
}

// WorkerName is what people call this worker by.
func (i *Installation) WorkerName() string {
	if id := i.Config.Processor.TransactionalID; id != "" {
		return id
	}
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return host + "-" + strconv.Itoa(os.Getpid())
}
