package protobuf_test

import (
	"errors"
	"testing"

	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
	"refold/codecs/protobuf"
)

// everything has each kind of field, and most of the messages that have a JSON of their own.
const everything = `syntax = "proto3";
package shop.v1;

import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/empty.proto";

// An order of a customer.
message Order {
  // The customer who ordered.
  string customer_id = 1;
  int32 small = 2;
  int64 large = 3;
  uint32 count = 4;
  uint64 total = 5;
  sint32 delta = 6;
  sint64 shift = 7;
  fixed32 hash = 8;
  fixed64 long_hash = 9;
  sfixed32 offset = 10;
  sfixed64 long_offset = 11;
  float ratio = 12;
  double score = 13;
  bool paid = 14;
  bytes receipt = 15;
  State state = 16;
  repeated Line lines = 17;
  repeated sint64 numbers = 18;
  map<string, Line> by_name = 19;
  map<int64, string> by_number = 20;
  map<bool, State> by_flag = 21;
  oneof payment {
    string card = 22;
    int64 cash_amount = 23;
    Line barter = 24;
    google.protobuf.Value other = 25;
  }
  optional int32 rating = 26;
  google.protobuf.Timestamp at = 27;
  google.protobuf.Duration took = 28;
  google.protobuf.FieldMask mask = 29;
  google.protobuf.Struct extra = 30;
  google.protobuf.Value anything = 31;
  google.protobuf.ListValue list = 32;
  google.protobuf.NullValue nothing = 33;
  google.protobuf.StringValue note = 34;
  google.protobuf.Int64Value weight = 35;
  google.protobuf.BytesValue blob = 36;
  google.protobuf.Empty empty = 37;
  Order previous = 38;
  repeated google.protobuf.Timestamp times = 39;
  repeated google.protobuf.DoubleValue doubles = 40;
  string named = 41 [json_name = "calledLikeThis"];
  map<uint64, google.protobuf.Value> loose = 42;

  message Line {
    string item = 1;
    uint64 price_cents = 2;
  }
  enum State {
    STATE_UNSPECIFIED = 0;
    OPEN = 1;
    CLOSED = -3;
  }
}

message Second {
  map<string, string> labels = 1;
  message Inner { string x = 1; }
}
`

// old has what only proto2 has.
const old = `syntax = "proto2";
package shop.old;

message Order {
  required string customer_id = 1;
  required int32 number = 2;
  optional Level level = 3 [default = HIGH];
  repeated int32 packed = 4 [packed = true];
  repeated group Part = 5 { optional string name = 1; }
  optional Order previous = 6;
  oneof choice { bool a = 7; Level b = 8; }
  extensions 100 to 199;
}
extend Order { optional string remark = 100; }
enum Level { LOW = 1; HIGH = 7; }
`

var limits = avrojson.Limits{Depth: 64}

// typeOf returns a message of a schema.
func typeOf(tb testing.TB, text, name string) *protobuf.Type {
	tb.Helper()
	file, err := protobuf.Parse("test.proto", text, nil)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := file.MessageNamed(name)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// read returns the data of JSON; the error lists all that is wrong with it.
func read(t *protobuf.Type, data string) ([]byte, error) {
	text, err := jsonvalue.Parse([]byte(data), 1<<20)
	if err != nil {
		return nil, err
	}
	out, mistakes, err := t.FromJSON(text, limits)
	errs := []error{err}
	for _, m := range mistakes {
		errs = append(errs, errors.New(m.String()))
	}
	return out, errors.Join(errs...)
}
