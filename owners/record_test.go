package owners

import (
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAnnouncementsSurviveTheirEncoding(t *testing.T) {
	a := announcement{"[fd00::7]:8080", 7, []int32{0, 3}, noon, noon.Add(time.Second)}
	value, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parse(value); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("%s is read as %+v, %v", value, got, err)
	}
	if k, err := parseKey([]byte(key{"shop.accounts", "pod-1"}.String())); err != nil ||
		k != (key{"shop.accounts", "pod-1"}) {
		t.Errorf("the key is read as %v, %v", k, err)
	}
}

func TestForeignRecordsAreRefused(t *testing.T) {
	for _, text := range []string{"", "accounts", "/a", "accounts/", strings.Repeat("a", 2000) + "/a"} {
		if k, err := parseKey([]byte(text)); err == nil {
			t.Errorf("the key %.40q is read as %v", text, k)
		}
	}
	for _, text := range []string{
		"", "null", "{", `{"address": "a:1"}`, `{"address": "a:1", "partitions": []}`,
		`{"address": "a:1", "partitions": [-1]}`, `{"address": "a", "partitions": [1]}`,
		`{"address": "a:0", "partitions": [1]}`, `{"address": ":80", "partitions": [1]}`,
		`{"address": "user@a:80", "partitions": [1]}`, `{"address": "a/b:80", "partitions": [1]}`,
		`{"address": "a:80", "partitions": [1], "at": "yesterday"}`, strings.Repeat(" ", maxValueBytes+1),
	} {
		if a, err := parse([]byte(text)); err == nil {
			t.Errorf("%.80s is read as %+v", text, a)
		}
	}
}

// A later version may add members, and lists are put in order.
func TestRecordsOfOthersAreTolerated(t *testing.T) {
	a, err := parse([]byte(`{"address": "a:80", "partitions": [3, 1, 3], "rack": "x"}`))
	if err != nil || !reflect.DeepEqual(a.Partitions, []int32{1, 3}) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// FuzzRecord: whatever is in the topic, reading it ends, and what is read can be written and read again.
func FuzzRecord(f *testing.F) {
	f.Add([]byte("accounts/a"), []byte(`{"address": "a:80", "generation": 7, "partitions": [1, 0]}`))
	f.Fuzz(func(t *testing.T, k, value []byte) {
		if read, err := parseKey(k); err == nil {
			if again, err := parseKey([]byte(read.String())); err != nil || again != read {
				t.Errorf("%q is read as %v, and then as %v, %v", k, read, again, err)
			}
		}
		read, err := parse(value)
		if err != nil {
			return
		}
		text, err := read.encode()
		if err != nil {
			return // a time that JSON can't have
		}
		if again, err := parse(text); err != nil || !reflect.DeepEqual(again.Partitions, read.Partitions) {
			t.Errorf("%q is read as %+v, and then as %+v, %v", value, read, again, err)
		}
	})
}

func TestAddressOfThisPod(t *testing.T) {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ advertised, listening, want string }{
		{"pod-1.shop:80", "0.0.0.0:8080", "pod-1.shop:80"},
		{"10.0.0.7", "[::]:8080", "10.0.0.7:8080"},
		{"fd00::7", "[::]:8080", "[fd00::7]:8080"},
		{"", "127.0.0.1:8080", "127.0.0.1:8080"},
		{"", "[::]:8080", name + ":8080"}, // the broker is on this machine: no other would find it there
		{"a b", "0.0.0.0:8080", ""},
	} {
		listening, err := net.ResolveTCPAddr("tcp", test.listening)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Address(test.advertised, listening, []string{"127.0.0.1:9092"})
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
}
