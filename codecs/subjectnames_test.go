package codecs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/codecs"
)

func named(names codecs.SubjectNames) func(*codecs.RegistrySettings) {
	return func(s *codecs.RegistrySettings) { s.Subjects = names }
}

// Subjects are called as Confluent's strategies of the same names call them, with prefixes in front.
func TestSubjectNames(t *testing.T) {
	for name, test := range map[string]struct {
		names      codecs.SubjectNames
		want       string // of bank.Closed on the topic account-events
		owned, not []string
	}{
		"by record": {
			codecs.SubjectNames{},
			"bank.Closed",
			[]string{"bank.Opened"},
			[]string{"bank.eu.Opened", "Opened", "account-events-value"},
		},
		"by record, with a prefix": {
			codecs.SubjectNames{Prefix: "eu."},
			"eu.bank.Closed",
			[]string{"eu.bank.Opened"},
			[]string{"bank.Opened", "us.bank.Opened"},
		},
		"by topic": {
			codecs.SubjectNames{Strategy: codecs.ByTopic, TopicPrefix: "x."},
			"x.account-events-value",
			nil,
			[]string{"account-events-value", "x.account-events-key", "x.account-events-bank.Closed"},
		},
		"by topic and record": {
			codecs.SubjectNames{Strategy: codecs.ByTopicRecord, Prefix: "eu."},
			"eu.account-events-bank.Closed",
			[]string{"eu.account-events-bank.Opened"},
			[]string{
				"eu.account-events-old-bank.Opened", "account-events-bank.Opened", "eu.account-events-value",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			topics := []string{"account-events"}
			if diff := cmp.Diff([]string{test.want}, test.names.Of("bank.Closed", topics)); diff != "" {
				t.Error(diff)
			}
			for _, subject := range append(test.owned, test.want) {
				if !test.names.Owns(subject, "bank", topics) {
					t.Errorf("%s is not ours", subject)
				}
			}
			for _, subject := range test.not {
				if test.names.Owns(subject, "bank", topics) {
					t.Errorf("%s is ours", subject)
				}
			}
		})
	}
}

// A Set registers and checks its types under the subjects that the settings say, one for each topic.
func TestSetsRegisterUnderNamedSubjects(t *testing.T) {
	s := server(t)
	names := codecs.SubjectNames{Strategy: codecs.ByTopicRecord, Prefix: "eu.", TopicPrefix: "x."}
	r := client(t, s.URL(), named(names))
	closed := codecs.Record[Closed](closedSchema).On("a-results", "b-results")
	events := set(t, r, codecs.Record[Deposited](depositedSchema).On("a-events"), closed)
	got, err := r.Subjects(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"eu.x.a-events-bank.Deposited", "eu.x.a-results-bank.Closed", "eu.x.b-results-bank.Closed",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the subjects are %v, want %v", got, want)
	}
	b, err := events.Encode(Closed{"done"})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := set(t, client(t, s.URL()), bankTypes()...).Decode(t.Context(), b); v != any(Closed{"done"}) {
		t.Errorf("with other names, it is read as %v, %v", v, err)
	}
	const other = `{"type": "record", "name": "Closed", "namespace": "bank", "fields": [
		{"name": "cause", "type": "string"}]}`
	register(t, s, "eu.x.a-results-bank.Opened", other)
	if err := events.CheckVersions(t.Context()); err != nil {
		t.Errorf("another subject counts: %v", err)
	}
}

// A topic of several record types has no one subject. A type that is only read needs no topic.
func TestSubjectsByTopic(t *testing.T) {
	r := client(t, server(t).URL(), named(codecs.SubjectNames{Strategy: codecs.ByTopic}))
	deposited, closed := codecs.Record[Deposited](depositedSchema), codecs.Record[Closed](closedSchema)
	_, err := codecs.NewSet(r, deposited.On("events"), closed.On("events"))
	if err == nil || !strings.Contains(err.Error(), "events-value") ||
		!strings.Contains(err.Error(), "topic-record or by record") {
		t.Errorf("two types on a topic: %v", err)
	}
	set(t, r, deposited.On("events"), closed.On("others"))
	unnamed, err := codecs.NewSet(r, closed)
	if err != nil {
		t.Fatal(err)
	}
	if err := unnamed.Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "Type.On") {
		t.Errorf("without a topic: %v", err)
	}
}
