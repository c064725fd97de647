package exactlyonce_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
)

// What members tell their group is told to whoever asks, and partitions are divided as ever.
func TestMembers(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	cl := c.client()
	defer cl.Close()
	admin := kadm.NewClient(cl)
	if members, err := kafka.Members(t.Context(), admin, "count"); err != nil || members != nil {
		t.Errorf("before there is a group: %v, %v", members, err)
	}
	names := []string{"new", "old", "plain"}
	for _, name := range names { // they are stopped at the end
		cfg := c.config(name)
		if name != "plain" { // as of a release that had nothing to tell
			cfg.MemberData = []byte("I am " + name)
		}
		c.work(cfg, counter("count", "in"))
	}
	told, has := make(map[string]string), make(map[string]int)
	eventually(t, "there are three members", func() bool {
		members, err := kafka.Members(t.Context(), admin, "count")
		if err != nil && !errors.Is(err, kafka.ErrRebalancing) {
			t.Fatal(err)
		}
		for _, m := range members {
			told[m.ClientID], has[m.ClientID] = string(m.Data), len(m.Partitions["in"])
			if m.ID == "" || m.Host == "" {
				t.Errorf("a member without a name or a host: %+v", m)
			}
		}
		return len(members) == len(names)
	})
	if want := map[string]string{
		"new": "I am new", "old": "I am old", "plain": "",
	}; fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("they tell %v; want %v", told, want)
	}
	sizes := []int{has["new"], has["old"], has["plain"]}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{1, 1, 2}) {
		t.Errorf("they have %v partitions", has)
	}
	c.send("in", 0, 300, 20)
	c.waitForOutputs(300)
}

// While members join, nobody is told half of what they are.
func TestMembers_rebalancing(t *testing.T) {
	c := startCluster(t, 0, topic("in", 4), topic("out", 3))
	cl := c.client()
	defer cl.Close()
	c.wire.hold("worker", kmsg.SyncGroup.Int16())
	w := c.work(c.config("worker"), counter("count", "in"))
	eventually(t, "the group is being rebalanced", func() bool {
		_, err := kafka.Members(t.Context(), kadm.NewClient(cl), "count")
		return errors.Is(err, kafka.ErrRebalancing)
	})
	c.wire.letPass("worker", kmsg.SyncGroup.Int16())
	w.isReady().end()
	if members, err := kafka.Members(t.Context(), kadm.NewClient(cl), "count"); err != nil ||
		len(members) > 0 {
		t.Errorf("when all have left: %v, %v", members, err)
	}
}
