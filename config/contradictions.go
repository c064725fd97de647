package config

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// levels are those that registry.compatibility may be.
var levels = []string{
	"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE",
}

// contradictions finds what no option can see by itself: wrong addresses, and options that don't
// go together. What only the clients know (SASL and TLS) they check themselves.
func (c *Config) contradictions() (found Mistakes) {
	wrong := func(path, value, allowed string) {
		found = append(found, Mistake{Path: path, Value: value, Allowed: allowed})
	}
	if len(c.Kafka.Brokers) == 0 {
		wrong("kafka.brokers", "", "at least one host:port is needed")
	}
	for _, broker := range c.Kafka.Brokers {
		if !isAddress(broker) {
			wrong("kafka.brokers", broker, "host:port")
		}
	}
	if !isAddress(c.HTTP.Address) {
		wrong("http.address", c.HTTP.Address, "host:port, such as localhost:8080 or :8080")
	}
	if token := c.Kafka.SASL.OAuth.TokenURL; token != "" {
		if value, allowed := urlMistake(token); allowed != "" {
			wrong("kafka.sasl.token-url", value, allowed)
		}
	}
	c.Registry.overrides(wrong)
	c.Registry.contradictions(wrong)
	c.timeouts(wrong)
	c.sizes(wrong)
	if c.Processor.PoisonLeast > c.Processor.PoisonWindow {
		wrong("processor.poison-least", strconv.Itoa(c.Processor.PoisonLeast),
			"no more than processor.poison-window, "+strconv.Itoa(c.Processor.PoisonWindow))
	}
	c.Projections.contradictions(wrong)
	c.Reactions.contradictions(wrong)
	c.Console.contradictions(wrong)
	c.Tracing.contradictions(wrong)
	return found
}

// overrides finds levels of compatibility that don't exist.
func (r *Registry) overrides(wrong func(path, value, allowed string)) {
	for _, text := range r.CompatibilityOverrides {
		if subject, level, _ := strings.Cut(text, "="); subject == "" || !slices.Contains(levels, level) {
			wrong("registry.compatibility-overrides", text, "subject=LEVEL, the level one of "+
				strings.Join(levels, ", "))
		}
	}
}

// timeouts finds times that don't go together.
func (c *Config) timeouts(wrong func(path, value, allowed string)) {
	atMost := func(path string, value time.Duration, other string, limit time.Duration) {
		if value > limit {
			wrong(path, shortDuration(value), "no more than "+other+", "+shortDuration(limit))
		}
	}
	atMost("processor.backoff-min", c.Processor.BackoffMin, "processor.backoff-max", c.Processor.BackoffMax)
	// A transaction that ends before an answer may is never known to be committed.
	atMost("kafka.request-timeout", c.Kafka.RequestTimeout, "kafka.transaction-timeout",
		c.Kafka.TransactionTimeout)
	if c.Processor.LeaveTimeout >= c.Kafka.RebalanceTimeout {
		wrong("processor.leave-timeout", shortDuration(c.Processor.LeaveTimeout),
			"less than kafka.rebalance-timeout, "+shortDuration(c.Kafka.RebalanceTimeout))
	}
}

// entryBytes is what a command that a row remembers takes in it.
const entryBytes = 24

// sizes finds limits of which one makes the other useless.
func (c *Config) sizes(wrong func(path, value, allowed string)) {
	record := c.Topics.RecordBytes
	// A batch that takes no record whole is full before it begins; the step of a rebuild writes up to half a
	// batch, and one row more.
	if batch := c.Processor.BatchBytes; batch < 2*record {
		wrong("processor.batch-bytes", batch.String(),
			"at least twice topics.record-bytes, "+(2*record).String())
	}
	if body := c.HTTP.BodyBytes; body > record { // it would be taken, and become a dead letter
		wrong("http.body-bytes", body.String(), "no more than topics.record-bytes, "+record.String())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Aggregates)) {
		commands := c.Aggregates[name].RecentCommands
		if Bytes(commands)*entryBytes > record/2 { // no row would have room for a state
			wrong(aggregatesKey+"."+name+".recent-commands", strconv.Itoa(commands),
				"no more than half of topics.record-bytes holds, "+strconv.Itoa(int(record/2/entryBytes)))
		}
	}
	caches := c.Store.CacheBytes + c.Store.RowCacheBytes + c.Store.ViewCacheBytes + c.Store.RememberBytes
	if c.Processor.MemoryBytes <= caches {
		wrong("processor.memory-bytes", c.Processor.MemoryBytes.String(),
			"more than the stores' caches and store.remember-bytes together, "+caches.String())
	} else if all := caches + c.Rebuild.CacheBytes +
		2*c.Processor.BatchBytes; c.Processor.MemoryBytes <= all {
		wrong("processor.memory-bytes", c.Processor.MemoryBytes.String(), "more than the stores' caches, "+
			"store.remember-bytes, rebuild.cache-bytes and twice processor.batch-bytes together, "+
			all.String())
	}
}

func (c *Tracing) contradictions(wrong func(path, value, allowed string)) {
	if c.Endpoint != "" {
		if value, allowed := urlMistake(c.Endpoint); allowed != "" {
			wrong("tracing.endpoint", value, allowed)
		}
	}
	if c.Batch > c.Queue {
		wrong("tracing.batch", strconv.Itoa(c.Batch),
			"no more than tracing.queue, "+strconv.Itoa(c.Queue))
	}
}

// urlMistake says what is wrong with a URL; nothing if nothing is. A password in it would show
// wherever the URL does, so it has no place there, and is not repeated.
func urlMistake(text string) (value, allowed string) {
	u, err := url.Parse(text)
	switch {
	case err != nil && strings.Contains(text, "@"):
		return hidden, "http(s)://host:port/path"
	case err != nil:
		return text, "http(s)://host:port/path"
	case u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return u.Redacted(), "http(s)://host:port/path"
	case u.User != nil:
		return u.Redacted(), "a URL without user and password: they have options of their own"
	}
	return "", ""
}

func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 0 && n <= 65535
}
