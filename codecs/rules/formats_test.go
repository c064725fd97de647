package rules_test

import (
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"refold/codecs/rules"
)

// joined is as protoc-gen-go makes messages.
type joined struct {
	state     int
	MemberID  string                 `protobuf:"bytes,1,opt,name=member_id,json=memberId,proto3"`
	Plan      planKind               `protobuf:"varint,2,opt,name=plan,proto3,enum=Plan" json:"kind"`
	StartedAt *timestamppb.Timestamp `protobuf:"bytes,3,opt,name=started_at,proto3"`
	Trial     *durationpb.Duration   `protobuf:"bytes,4,opt,name=trial,proto3"`
	Pays      any                    `protobuf_oneof:"pays"`
	Note      *string                `protobuf:"bytes,5,opt,name=note,proto3,oneof"`
}

type planKind int32

// posted is a record in JSON.
type posted struct {
	Title string `json:"title" minLength:"1"`
	Likes int64  `json:"likes,omitempty"`
	Inner struct {
		Text string `json:"text"`
	} `json:"inner"`
	Ignored string `json:"-"`
	Plain   string
}

// Rules name fields as the schema of the record's format does.
func TestFieldsOfFormats(t *testing.T) {
	message := joined{
		state: 1, MemberID: "m-1", Plan: 2, StartedAt: timestamppb.New(time.Unix(1_800_000_000, 0)),
		Trial: durationpb.New(90 * time.Minute),
	}
	for expression, record := range map[string]any{
		`message.member_id == "m-1" && message.plan == 2 && !has(message.note)`:       &message,
		`message.started_at == timestamp("2027-01-15T08:00:00Z")`:                     &message,
		`message.trial == duration("90m") && message.started_at.getFullYear() > 2026`: &message,
		`message.title.size() > 0 && message.likes == 3 && message.Plain == "y"`: posted{
			Title: "a", Likes: 3, Plain: "y",
		},
		`message.inner.text == ""`: posted{},
	} {
		goType := reflect.TypeOf(record)
		if goType.Kind() == reflect.Pointer {
			goType = goType.Elem()
		}
		set, err := rules.Compile(goType, []rules.Rule{{"rule", expression, "Must be."}})
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if broken := set.Check(record); len(broken) > 0 {
			t.Errorf("%s: %s", expression, broken[0].WithValues())
		}
	}
	for _, unknown := range []string{"message.MemberID == ''", "message.state == 1", "message.pays == 1"} {
		_, err := rules.Compile(reflect.TypeFor[joined](), []rules.Rule{{"rule", unknown, "Must be."}})
		if err == nil {
			t.Errorf("%s names a field that the message has not", unknown)
		}
	}
}

// A migration makes times of each format.
func TestMappingOfFormats(t *testing.T) {
	type started struct {
		At    time.Time     `avro:"at"`
		Trial time.Duration `avro:"trial"`
	}
	m, err := rules.NewMapping(reflect.TypeFor[started](), reflect.TypeFor[joined](),
		`{"member_id": "m", "plan": 1, "started_at": message.at, "trial": message.trial}`)
	if err != nil {
		t.Fatal(err)
	}
	made, err := m.Apply(started{time.Unix(5, 6), 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	back, err := rules.NewMapping(reflect.TypeFor[joined](), reflect.TypeFor[started](),
		`{"at": message.started_at, "trial": message.trial}`)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Apply(made)
	if err != nil || again != any(started{time.Unix(5, 6).UTC(), 1500 * time.Millisecond}) {
		t.Errorf("%v, %v", again, err)
	}
}
