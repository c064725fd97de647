package exactlyonce_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
)

// password of everybody.
const password = "secret"

// startRestricted starts a cluster of which the worker is a user with all rights, until they are denied.
func startRestricted(t *testing.T, topics ...kafka.TopicSpec) *cluster {
	t.Helper()
	var rights []kfake.ACL
	for _, resource := range []kmsg.ACLResourceType{
		kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeTransactionalId,
		kmsg.ACLResourceTypeCluster,
	} {
		name := "*"
		if resource == kmsg.ACLResourceTypeCluster {
			name = "kafka-cluster"
		}
		rights = append(rights, kfake.ACL{
			Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral,
			Operation: kmsg.ACLOperationAll, Allow: true,
		})
	}
	c := startClusterWith(t, 0, []kfake.Opt{
		kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.User(kafka.MechanismSCRAM256, "worker", password, rights...),
		kfake.Superuser(kafka.MechanismSCRAM256, "test", password),
	})
	c.restricted = true
	cl := c.client()
	defer cl.Close()
	if _, err := kafka.Ensure(t.Context(), cl, topics); err != nil {
		t.Fatal(err)
	}
	return c
}

// as is who a client is.
func (c *cluster) as(client string) kafka.SASL {
	if !c.restricted {
		return kafka.SASL{}
	}
	return kafka.SASL{Mechanism: kafka.MechanismSCRAM256, Username: client, Password: password}
}

// right is one that the worker may lose.
type right struct {
	resource  kmsg.ACLResourceType
	name      string
	operation kmsg.ACLOperation
}

// deny takes a right away, until it is given back.
func (c *cluster) deny(r right) (giveBack func()) {
	c.t.Helper()
	create := kmsg.NewCreateACLsRequestCreation()
	create.ResourceType, create.ResourceName, create.Operation = r.resource, r.name, r.operation
	create.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
	create.Principal, create.Host = "User:worker", "*"
	create.PermissionType = kmsg.ACLPermissionTypeDeny
	request := kmsg.NewPtrCreateACLsRequest()
	request.Creations = append(request.Creations, create)
	c.ask(func(cl *kgo.Client) error { _, err := request.RequestWith(c.t.Context(), cl); return err })
	return func() {
		c.t.Helper()
		filter := kmsg.NewDeleteACLsRequestFilter()
		filter.ResourceType, filter.ResourceName = r.resource, &r.name
		filter.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
		filter.Operation, filter.PermissionType = r.operation, kmsg.ACLPermissionTypeDeny
		request := kmsg.NewPtrDeleteACLsRequest()
		request.Filters = append(request.Filters, filter)
		c.ask(func(cl *kgo.Client) error { _, err := request.RequestWith(c.t.Context(), cl); return err })
	}
}

func (c *cluster) ask(question func(*kgo.Client) error) {
	c.t.Helper()
	cl := c.client()
	defer cl.Close()
	if err := question(cl); err != nil {
		c.t.Fatal(err)
	}
}

// floodTime is long enough for a log that is flooded to be noticed.
const floodTime = time.Second

// Whichever right of the worker is taken away, Ready names it, the log tells it a few times, and when it
// is given back the worker goes on by itself: nothing is missing or doubled (G1–G4).
func TestRightsTakenAway(t *testing.T) {
	topics, groups := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	ids := kmsg.ACLResourceTypeTransactionalId
	for name, test := range map[string]struct {
		right right
		says  []string
	}{
		"to read the input": {
			right{topics, "in", kmsg.ACLOperationRead},
			[]string{"in/0 is held", "in/1 is held", "TOPIC_AUTHORIZATION_FAILED"},
		},
		"to know the input": {
			right{topics, "in", kmsg.ACLOperationAll}, []string{"in/0", "in/1", "TOPIC_AUTHORIZATION_FAILED"},
		},
		"to write the output": {
			right{topics, "out", kmsg.ACLOperationWrite},
			[]string{"produce to out/", "TOPIC_AUTHORIZATION_FAILED"},
		},
		"to write the table": {
			right{topics, "count-table", kmsg.ACLOperationWrite},
			[]string{"produce to count-table/", "TOPIC_AUTHORIZATION_FAILED"},
		},
		"to be in the group": {
			right{groups, "count", kmsg.ACLOperationRead}, []string{"GROUP_AUTHORIZATION_FAILED"},
		},
		"to know the group": {
			right{groups, "count", kmsg.ACLOperationAll}, []string{"GROUP_AUTHORIZATION_FAILED"},
		},
		"to its transactional IDs": {
			right{ids, "*", kmsg.ACLOperationWrite}, []string{"TRANSACTIONAL_ID_AUTHORIZATION_FAILED"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startRestricted(t, topic("in", 2), topic("out", 3))
			c.send("in", 0, 100, 20)
			w := c.workWatched(nil)
			c.waitForOutputs(100)
			w.isReady()
			giveBack := c.deny(test.right)
			c.send("in", 100, 100, 20)
			w.says(test.says...)
			before := w.log.lines()
			select {
			case <-time.After(floodTime):
			case err := <-w.done:
				t.Fatalf("the worker ended: %v", err)
			}
			if n := w.log.lines() - before; n > maxLines {
				t.Errorf("%d lines were logged in %v:\n%s", n, floodTime, w.log.text.String())
			}
			w.says(test.says...)
			c.send("in", 200, 100, 20)
			giveBack()
			c.waitForOutputs(300)
			w.isReady().end()
			c.checkCounter("count", "in")
		})
	}
}

// A worker that may not read its table does not handle anything; it says why, and begins when it may (G4).
func TestRestoreRefused(t *testing.T) {
	c := startRestricted(t, topic("in", 2), topic("out", 3))
	c.send("in", 0, 100, 20)
	w := c.workWatched(nil)
	c.waitForOutputs(100)
	w.end()
	giveBack := c.deny(right{kmsg.ACLResourceTypeTopic, "count-table", kmsg.ACLOperationRead})
	c.send("in", 100, 100, 20)
	w = c.workWatched(nil)
	w.says("count-table/", "TOPIC_AUTHORIZATION_FAILED")
	if n := len(c.values("out")); n != 20 {
		t.Errorf("%d keys have outputs", n)
	}
	giveBack()
	c.waitForOutputs(200)
	w.isReady().end()
	c.checkCounter("count", "in")
	if n := w.log.lines(); n > maxLines {
		t.Errorf("%d lines were logged:\n%s", n, w.log.text.String())
	}
}
