package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/formats/memberships"
	"example.com/formats/meters"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/client"
	"refold/codecs"
	"refold/processors/foldtest"
	"refold/program/programtest"
)

// Generation 1 registered and wrote these. Its events are in the topics for ever.
const (
	meters1 = `syntax = "proto3";
package meters;
message MeterInstalled { string house = 1; }
message ReadingTaken { int32 kilowatt_hours = 1; }
message MeterSwapped { string house = 1; int32 last_kilowatt_hours = 2; }
`
	started1 = `{"$schema": "http://json-schema.org/draft-07/schema#",
		"title": "memberships.MembershipStarted", "type": "object", "properties": {
		"name": {"type": "string"}, "plan": {"type": "string"}},
		"required": ["name", "plan"], "additionalProperties": false}`
	// Another program's, of a version that this one does not know.
	visited3 = `{"title": "memberships.GymVisited", "type": "object", "properties": {
		"studio": {"type": "string"}, "door": {"type": "string"}}, "required": ["studio", "door"]}`
)

// Both formats work with everything that there is: commands in, history, past, rebuild, verify, and the
// tools.
func TestFormats(t *testing.T) {
	c := programtest.Start(t, formats)
	c.Accepted("meter", "m-1", &meters.InstallMeter{House: "12 Elm Street"})
	c.Accepted("meter", "m-1", &meters.ReadMeter{WattHours: 1500, Source: meters.Source_SOURCE_METER})
	c.Rejected("meter", "m-1", &meters.ReadMeter{WattHours: 1499}, "reading-too-low")
	c.Rejected("meter", "m-2", &meters.ReadMeter{}, "not-installed")
	c.Rejected("meter", "m-1", &meters.ReadMeter{WattHours: -1}, "rule-violated")
	ada := memberships.StartMembership{Member: memberships.Member{Name: "Ada"}, Plan: "basic"}
	c.Accepted("membership", "ada", ada)
	c.Accepted("membership", "ada", memberships.VisitGym{Studio: "spa"})
	c.Rejected("membership", "ada", ada, "running")
	c.Rejected("membership", "ada", memberships.VisitGym{Studio: " spa"}, "rule-violated")

	mistaken(t, c, "meters", "ReadMeter", `{"wattHours": "many", "house": 1}`, "wattHours", "house")
	mistaken(t, c, "memberships", "StartMembership", `{"member": {"name": "", "email": "x"}, "plan": "gold"}`,
		"member.email", "member.name", "plan")

	write(t, c, "meter-events", "old", meters1, sr.TypeProtobuf,
		record{"MeterInstalled", "\x00\x0a\x013"}, record{"ReadingTaken", "\x02\x02\x08\x07"},
		record{"MeterSwapped", "\x02\x04\x0a\x014\x10\x09"})
	write(t, c, "membership-events", "bob", started1, sr.TypeJSON,
		record{"MembershipStarted", `{"name": "Bob", "plan": "basic"}`})
	write(t, c, "membership-events", "eve", started1, sr.TypeJSON,
		record{"MembershipStarted", `{"name": "Eve", "plan": "basic"}`})
	for _, aggregate := range []string{"meter", "membership"} {
		rebuild(t, c, aggregate+"s")
		run(t, c, "verify", aggregate+"s", "--worker", c.URL)
	}
	moved := meters.Meter{House: "4", WattHours: 9000, Readings: 2}
	if got := programtest.State[meters.Meter](c, "meter", "old"); got != moved {
		t.Errorf("the old meter is %+v", got)
	}
	bob := memberships.Membership{Member: memberships.Member{Name: "Bob"}, Plan: "basic"}
	if got := programtest.State[memberships.Membership](c, "membership", "bob"); got != bob {
		t.Errorf("Bob is %+v", got)
	}
	past, err := c.Client.Get(t.Context(), "meters", "m-1", client.Get{Sequence: 1})
	if err != nil {
		t.Fatal(err)
	}
	before := meters.Meter{House: "12 Elm Street"}
	if got, err := client.State[meters.Meter](past); err != nil || got != before {
		t.Errorf("in the past, the meter was %+v, %v", got, err)
	}
	for id, want := range map[string][]string{
		"meters/m-1": {
			`1 MeterInstalled {"house":"12 Elm Street"}`,
			`2 ReadingTaken {"wattHours":"1500","source":"SOURCE_METER"}`,
		},
		"memberships/ada": {
			`1 MembershipStarted {"member":{"name":"Ada"},"plan":"basic","cents":1990}`,
			`2 GymVisited {"studio":"spa"}`,
		},
	} {
		if diff := cmp.Diff(want, history(t, c, id)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	for topic, want := range map[string]string{
		"meter-events": `"lastKilowattHours":9`, "membership-events": `"name":"Bob"`,
	} {
		if out := run(t, c, "topic", "cat", topic, "--output", "json"); !strings.Contains(out, want) {
			t.Errorf("topic cat shows\n%s\nwithout %s", out, want)
		}
	}
	sent := c.Accepted("meter", "m-1", &meters.ReadMeter{WattHours: 2000})
	if out := run(t, c, "trace", sent.ID, "--server", c.URL); !strings.Contains(out, "ReadingTaken") {
		t.Errorf("trace shows %s", out)
	}
	run(t, c, "schemas", "list")
}

// The visit of a later program, with a member that this one does not know, is read without it.
func TestLaterProgramsAreRead(t *testing.T) {
	c := programtest.Start(t, formats)
	write(t, c, "membership-events", "ada", started1, sr.TypeJSON,
		record{"MembershipStarted", `{"name": "Ada", "plan": "basic"}`})
	write(t, c, "membership-events", "ada", visited3, sr.TypeJSON, record{},
		record{"GymVisited", `{"studio": "spa", "door": "left"}`})
	rebuild(t, c, "memberships")
	if got := programtest.State[memberships.Membership](c, "membership", "ada"); got.Visits != 1 {
		t.Errorf("got %+v", got)
	}
}

// Released versions are read, and their files are as they were released.
func TestReleasedSchemas(t *testing.T) {
	foldtest.ReadsReleased(t, "released", meters.Definition, memberships.Definition)
	foldtest.KnowsEveryType(t, meters.Definition, &meters.InstallMeter{House: "1"},
		&meters.ReadMeter{WattHours: 7}, &meters.MeterInstalled{House: "1"},
		&meters.ReadingTaken{Source: meters.Source_SOURCE_PERSON})
	member := memberships.Member{Name: "Ada", Email: "ada@example.com"}
	foldtest.KnowsEveryType(t, memberships.Definition,
		memberships.StartMembership{Member: member, Plan: "basic"}, memberships.VisitGym{Studio: "spa"},
		memberships.EndMembership{Reason: "moved"}, memberships.GymVisited{Studio: "spa"},
		memberships.MembershipStarted{Member: member, Plan: "premium", Cents: 3990},
		memberships.MembershipEnded{})
}

// mistaken sends a command whose JSON is wrong in several places, and expects all of them to be named.
func mistaken(t *testing.T, c *programtest.Cluster, aggregate, command, data string, paths ...string) {
	t.Helper()
	_, err := c.Client.Send(t.Context(), aggregate, "x", client.Send{Type: command, Data: []byte(data)})
	for _, path := range paths {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want it to name %s", command, err, path)
		}
	}
}

// record is an event of an earlier or a later program; without a type, it was written before.
type record struct{ kind, data string }

// write registers a schema for each type, and writes the events of one aggregate, as another program would.
func write(
	t *testing.T, c *programtest.Cluster, topic, id, schema string, format sr.SchemaType, events ...record,
) {
	t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.Kafka.Brokers()...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i, event := range events {
		if event.kind == "" {
			continue
		}
		namespace := map[sr.SchemaType]string{sr.TypeProtobuf: "meters.", sr.TypeJSON: "memberships."}[format]
		number, _, err := c.Kafka.Registry().RegisterSchema(namespace+event.kind,
			sr.Schema{Schema: schema, Type: format})
		if err != nil {
			t.Fatal(err)
		}
		sequence := strconv.Itoa(i + 1)
		headers := map[string]string{
			codecs.HeaderSpecVersion: "1.0", codecs.HeaderID: id + "/" + sequence,
			codecs.HeaderSource: "generation-1", codecs.HeaderType: event.kind,
			codecs.HeaderSubject: id, codecs.HeaderSequence: sequence,
			codecs.HeaderTime: "2020-01-01T00:00:00Z", codecs.HeaderCorrelationID: "c-" + id,
			codecs.HeaderCausationID: "c-" + id + "-" + sequence,
		}
		r := &kgo.Record{
			Key: []byte(id), Value: append(codecs.AppendWireHeader(nil, number), event.data...),
		}
		for name, value := range headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		if err := producer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func rebuild(t *testing.T, c *programtest.Cluster, aggregate string) {
	t.Helper()
	asked, err := c.Client.AskRebuild(t.Context(), aggregate, false, "the test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
	defer cancel()
	for stage := asked.Stage; stage != "done"; {
		now, err := c.Client.Rebuild(ctx, asked.ID)
		if err != nil {
			t.Fatalf("the rebuild is %s: %v", stage, err)
		}
		stage = now.Stage
	}
}

// history is that of an aggregate, a line for each event.
func history(t *testing.T, c *programtest.Cluster, path string) (lines []string) {
	t.Helper()
	plural, id, _ := strings.Cut(path, "/")
	for event, err := range c.Client.History(t.Context(), plural, id, client.Events{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d %s %s", event.Sequence, event.Type, event.Data)
		var parts []string
		for _, part := range event.ReadAs {
			parts = append(parts, part.Type+" "+string(part.Data))
		}
		if len(parts) > 0 {
			line += " = " + strings.Join(parts, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// run runs a command of the program against the cluster, and returns what it prints.
func run(t *testing.T, c *programtest.Cluster, args ...string) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if !slices.Contains(args, "--server") {
		args = append(args, "--kafka.brokers", strings.Join(c.Kafka.Brokers(), ","),
			"--registry.urls", c.Kafka.RegistryURL(), "--log.level", "error")
	}
	stdout := os.Stdout
	os.Stdout = file
	code := formats.Run(t.Context(), args)
	os.Stdout = stdout
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(file)
	if err != nil || code != 0 {
		t.Errorf("%v: exit code %d, %v\n%s", args, code, err, out)
	}
	return string(out)
}
