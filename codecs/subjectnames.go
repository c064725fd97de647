package codecs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SubjectStrategy says after what subjects are named.
type SubjectStrategy string

// The strategies, with Confluent's names of them.
const (
	// ByRecord is the default, RecordNameStrategy: a subject is called as the record, with its namespace.
	ByRecord SubjectStrategy = "record"
	// ByTopic is TopicNameStrategy: a subject is called as the topic, with "-value" behind it. A topic then
	// has one record type.
	ByTopic SubjectStrategy = "topic"
	// ByTopicRecord is TopicRecordNameStrategy: the topic, a hyphen, and the record with its namespace.
	ByTopicRecord SubjectStrategy = "topic-record"
)

// SubjectNames says what the subjects of record types are called. The zero value names them after the record.
type SubjectNames struct {
	Strategy SubjectStrategy // ByRecord if empty
	// Prefix is in front of each subject. It keeps installations apart that share a registry.
	Prefix string
	// TopicPrefix is in front of the topics' names, as they are given to [Type.On].
	TopicPrefix string
}

var subjectPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

// MaxSubjectPrefixBytes limits SubjectNames.Prefix.
const MaxSubjectPrefixBytes = 100

func (n SubjectNames) mistakes(wrong func(format string, args ...any)) {
	if s := n.Strategy; s != "" && s != ByRecord && s != ByTopic && s != ByTopicRecord {
		wrong("Subjects.Strategy is %q; allowed are %q, %q and %q", s, ByRecord, ByTopic, ByTopicRecord)
	}
	if len(n.Prefix) > MaxSubjectPrefixBytes || !subjectPrefix.MatchString(n.Prefix) {
		wrong("Subjects.Prefix is %.100q; allowed are up to %d letters, digits, dots, hyphens and "+
			"underscores", n.Prefix, MaxSubjectPrefixBytes)
	}
}

// Of returns the subjects of a record type, by its full name and the topics that it is on: one, or, named
// after topics, one for each.
func (n SubjectNames) Of(record string, topics []string) []string {
	switch n.Strategy {
	case ByTopic, ByTopicRecord:
		subjects := make([]string, len(topics))
		for i, topic := range topics {
			subjects[i] = n.Prefix + n.TopicPrefix + topic + "-"
			if n.Strategy == ByTopic {
				subjects[i] += "value"
			} else {
				subjects[i] += record
			}
		}
		return subjects
	case ByRecord:
	}
	return []string{n.Prefix + record}
}

// Owns reports whether a subject is that of records of a namespace, or, named after topics, of one of the
// topics.
func (n SubjectNames) Owns(subject, namespace string, topics []string) bool {
	rest, has := strings.CutPrefix(subject, n.Prefix)
	if !has {
		return false
	}
	if n.Strategy != ByTopic && n.Strategy != ByTopicRecord {
		return namespaceOf(rest) == namespace
	}
	return slices.ContainsFunc(topics, func(topic string) bool {
		record, has := strings.CutPrefix(rest, n.TopicPrefix+topic+"-")
		// The name of a record has no hyphen: this is another topic, whose name begins like that.
		return has && !strings.Contains(record, "-") && (record == "value") == (n.Strategy == ByTopic)
	})
}

// namespaceOf returns a full name without the bare one.
func namespaceOf(full string) string { return full[:max(strings.LastIndexByte(full, '.'), 0)] }

// On returns the record type with the topics that its records are on, without SubjectNames.TopicPrefix. A
// type needs them if subjects are named after topics, unless it is only read.
func (t Type) On(topics ...string) Type {
	if t.recordType == nil {
		return t // NewSet reports it
	}
	on := *t.recordType
	on.topics = topics
	return Type{&on}
}

// SubjectNames returns how the registry's subjects are named.
func (r *Registry) SubjectNames() SubjectNames { return r.settings.Subjects }

// nameSubjects gives a type its subjects. The error says that another type of the Set has the same.
func (s *Set) nameSubjects(t *setType) error {
	names := s.registry.settings.Subjects
	t.subjects = names.Of(t.schema.Name, t.topics)
	if names.Strategy != ByTopic || t.upcast != nil {
		return nil
	}
	for _, other := range s.types {
		for _, subject := range t.subjects {
			if slices.Contains(other.subjects, subject) {
				return fmt.Errorf("%s and %s are on one topic and would share the subject %s, which is "+
					"of one type (TopicNameStrategy, registry.subjects: topic); name subjects by "+
					"topic-record or by record", other.schema.Name, t.schema.Name, subject)
			}
		}
	}
	return nil
}

// noSubject says that a type has no subject, and so no ID.
func (t *setType) noSubject() error {
	return fmt.Errorf("%s has no subject: subjects are named after topics, and the type is given none "+
		"(Type.On)", t.schema.Name)
}
