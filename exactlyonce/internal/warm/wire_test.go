package warm

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The messages from members and to members are decoded as they were encoded.
func TestWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, l := drawGroup(t)
		for m, given := range Assign(members, l) {
			told := Member{Follows: members[m].Follows, Keeps: members[m].Keeps}
			var read Member
			if err := DecodeMember(&read, EncodeMember(told)); err != nil || !reflect.DeepEqual(read, told) {
				t.Fatalf("%v becomes %v, %v", told, read, err)
			}
			standbys, err := DecodeStandbys(EncodeStandbys(given.Standbys))
			if err != nil || !reflect.DeepEqual(standbys, given.Standbys) {
				t.Fatalf("%v becomes %v, %v", given.Standbys, standbys, err)
			}
		}
	})
}

// Foreign user data lead to an error, or to some plan, and to nothing worse.
func FuzzDecode(f *testing.F) {
	f.Add(EncodeMember(Member{Follows: true, Keeps: map[string]map[int32]Has{"table": {3: {7, 1}}}}))
	f.Add(EncodeStandbys([]Standby{{4, true}, {5, false}}))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Member{Owned: []int32{1}}
		if DecodeMember(&m, b) == nil {
			owners(t, Assign([]Member{m, {Follows: true}, m}, Limits{Partitions: 4, Standbys: 1}), 4)
		}
		if standbys, err := DecodeStandbys(b); err == nil && len(standbys) > len(b) {
			t.Errorf("%d bytes hold %d standbys", len(b), len(standbys))
		}
	})
}
