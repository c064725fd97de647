package worker

import (
	"fmt"
	"net"
	"strings"

	"refold/owners"
	"refold/views"
	"refold/views/httpapi"
)

// isOwned reports whether this pod answers for the partitions that it processes, and asks others for the
// rest.
func (w *Worker) isOwned() bool {
	return w.config.Views.Enabled && placement(w.config.Views) == views.Owned
}

// openDirectory makes the directory of owners. The listener must be there: others are told where this pod is
// reached. A pod that keeps all partitions announces itself, too: the owner of those that it processes is
// asked for by pods that keep only theirs.
func (w *Worker) openDirectory() error {
	if !w.config.Views.Enabled {
		return nil
	}
	w.groups = make(map[string]string, len(w.opened.Aggregates))
	for _, a := range w.opened.Aggregates {
		w.groups[a.Name] = w.in.Topics(a.AggregateName).Group
	}
	address, err := owners.Address(w.config.HTTP.Advertise, w.listener.Addr(), w.config.Kafka.Brokers)
	if err != nil {
		return err //nolint:wrapcheck // it says what is wrong with the address
	}
	// A process that starts again under the same name takes back what it has announced before it died. Two
	// processes of a machine may have the same process ID, each in its container, yet not the same port.
	_, port, err := net.SplitHostPort(w.listener.Addr().String())
	if err != nil {
		return fmt.Errorf("the port of %v: %w", w.listener.Addr(), err)
	}
	name := strings.ReplaceAll(w.in.WorkerName(), "/", "-") + "-" + port
	w.directory, err = owners.New(owners.Options{
		Kafka: w.kafka, Topic: w.in.OwnersTopic(), Create: w.config.Topics.Create,
		Instance: name, Address: address,
		Metrics: owners.NewMetrics(w.metrics), Logger: w.logger,
	})
	return err //nolint:wrapcheck // it names the option
}

// hold tells other pods what this one has of an aggregate's partitions.
func (w *Worker) hold(aggregate string, generation int32, partitions []int32) {
	w.directory.Hold(w.groups[aggregate], generation, partitions)
}

// placed is where partitions are: what the views have is here, all of them if they keep all; the directory
// knows the rest.
type placed struct{ *Worker }

// Partitions returns how many partitions an aggregate has; 0: that is not known yet.
func (p placed) Partitions(string) int32 { return p.partitions.Load() }

// Here returns the number of the time in which this pod has the partition without a pause.
func (p placed) Here(aggregate string, partition int32) uint64 {
	if !p.isOwned() {
		return 1
	}
	return p.views.Serving(aggregate, partition)
}

// Owner returns the pod that has the partition. That it is this one is certain.
func (p placed) Owner(aggregate string, partition int32) (httpapi.Place, bool) {
	known, is := p.directory.Owner(p.groups[aggregate], partition)
	here := p.Here(aggregate, partition) != 0
	switch {
	case here && known.Here:
		return placeOf(known), true
	case here: // and another pod is said to have it, or the others have not been told yet
		return placeOf(p.directory.Self()), true
	}
	return placeOf(known), is && !known.Here
}

// Misled tells the directory that a pod is not where it was thought to be.
func (p placed) Misled(aggregate string, partition int32, told httpapi.Place) {
	p.directory.Misled(p.groups[aggregate], partition, owners.Pod{Instance: told.Instance, Since: told.Since})
}

func placeOf(p owners.Pod) httpapi.Place {
	return httpapi.Place{Instance: p.Instance, Address: p.Address, Since: p.Since, Here: p.Here}
}
