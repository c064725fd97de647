package owners

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"refold/kafka"
)

// TopicName returns the name of the topic of owners.
func TopicName(prefix string) string { return prefix + "owners" }

// Topic returns the topic of owners as it should be. Records of pods that died are deleted after a day: pods
// that live have announced themselves again by then.
func Topic(prefix string, replicationFactor int16) kafka.TopicSpec {
	return kafka.TopicSpec{
		Name: TopicName(prefix), Partitions: 1, ReplicationFactor: replicationFactor,
		Config: map[string]string{
			"cleanup.policy": "compact,delete", "retention.ms": "86400000", "segment.ms": "3600000",
		},
	}
}

// The limits of a record. Larger ones are not ours.
const (
	maxKeyBytes     = 1 << 10
	maxValueBytes   = 1 << 20
	maxAddressBytes = 300
)

// key names an announcement: each pod has one for each group.
type key struct{ group, instance string }

func (k key) String() string { return k.group + "/" + k.instance }

// parseKey reads what String wrote. Instances have no slash.
func parseKey(b []byte) (key, error) {
	at := strings.LastIndexByte(string(b), '/')
	if at <= 0 || at == len(b)-1 || len(b) > maxKeyBytes {
		return key{}, fmt.Errorf("the key %.100q is no <group>/<instance>", b)
	}
	return key{string(b[:at]), string(b[at+1:])}, nil
}

// announcement is the value of a record. Its times are by the clock of the pod that wrote it.
type announcement struct {
	Address    string    `json:"address"`
	Generation int32     `json:"generation"`
	Partitions []int32   `json:"partitions"` // ascending, at least one
	Since      time.Time `json:"since"`      // when the pod got these partitions
	At         time.Time `json:"at"`         // when it wrote this
}

// encode returns the announcement as JSON.
func (a *announcement) encode() ([]byte, error) {
	value, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("owners: encode an announcement: %w", err)
	}
	return value, nil
}

// parse reads what encode wrote, or a later version of it. The partitions come sorted, each once.
func parse(value []byte) (a announcement, err error) {
	if len(value) > maxValueBytes {
		return a, fmt.Errorf("the value has %d bytes, at most %d are allowed", len(value), maxValueBytes)
	}
	if err := json.Unmarshal(value, &a); err != nil {
		return a, fmt.Errorf("the value is no announcement: %w", err)
	}
	if !isAddress(a.Address) {
		return a, fmt.Errorf("the address %.100q is no host:port", a.Address)
	}
	slices.Sort(a.Partitions)
	a.Partitions = slices.Compact(a.Partitions)
	if len(a.Partitions) == 0 || a.Partitions[0] < 0 {
		return a, errors.New("the partitions are not one or more numbers from 0")
	}
	return a, nil
}

// isAddress reports whether a pod can be reached at the text: host:port, with both given.
func isAddress(text string) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || len(text) > maxAddressBytes || strings.ContainsAny(text, "/?#@% \t\r\n") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}
