package kafka_test

import (
	"hash"
	"hash/fnv"
	"testing"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
)

// The hashes that the Java client's own test publishes (org.apache.kafka.common.utils.UtilsTest,
// testMurmur2), as Java prints them: signed.
var javaHashes = []struct {
	key  string
	hash int32
}{
	{"21", -973932308},
	{"foobar", -790332482},
	{"a-little-bit-long-string", -985981536},
	{"a-little-bit-longer-string", -1486304829},
	{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
	{"abc", 479470107},
}

// javaPartition is how Java's BuiltInPartitioner goes on from a hash.
func javaPartition(hash, partitions int32) int32 { return (hash & 0x7fffffff) % partitions }

func TestPartitionOfKeysWhoseHashJavaPublishes(t *testing.T) {
	for _, java := range javaHashes {
		hasher := kafka.NewHasher()
		_, _ = hasher.Write([]byte(java.key))
		if got, want := hasher.Sum32(), uint32(java.hash)&0x7fffffff; got != want {
			t.Errorf("%s: hash %d, want %d", java.key, got, want)
		}
		for _, partitions := range []int32{1, 2, 3, 12, 64, 1000, 1<<31 - 1} {
			got := kafka.Partition([]byte(java.key), partitions)
			if want := javaPartition(java.hash, partitions); got != want {
				t.Errorf("%s of %d: %d, want %d", java.key, partitions, got, want)
			}
		}
	}
}

// The mask and the negation part ways for every negative hash: this is what it would cost.
func TestNegatingInsteadOfMaskingSendsKeysElsewhere(t *testing.T) {
	differ := 0
	for _, java := range javaHashes {
		negated := java.hash % 12
		if negated < 0 {
			negated = -negated
		}
		if negated != javaPartition(java.hash, 12) {
			differ++
		}
	}
	if differ == 0 {
		t.Error("no key differs; the test shows nothing")
	}
}

// gokaPartition is how Goka's view and Sarama's producer go on from a hash.
func gokaPartition(newHasher func() hash.Hash32, key []byte, partitions int32) int32 {
	hasher := newHasher()
	_, _ = hasher.Write(key)
	sum := int32(hasher.Sum32())
	if sum < 0 {
		sum = -sum
	}
	return sum % partitions
}

func TestEverybodyAgreesWhereAKeyBelongs(t *testing.T) {
	ours := kafka.Partitioner().ForTopic("t")
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	viaSarama := sarama.NewCustomHashPartitioner(kafka.NewHasher)("t")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "key")
		partitions := rapid.Int32Range(1, 1000).Draw(t, "partitions")
		want := kafka.Partition(key, partitions)
		record := &kgo.Record{Key: key}
		if got := ours.Partition(record, int(partitions)); got != int(want) {
			t.Errorf("our partitioner: %d, want %d", got, want)
		}
		if !ours.RequiresConsistency(record) {
			t.Error("a key may go elsewhere while a partition has no leader")
		}
		if got := theirs.Partition(record, int(partitions)); got != int(want) {
			t.Errorf("franz-go's: %d, want %d", got, want)
		}
		message := &sarama.ProducerMessage{Key: sarama.ByteEncoder(key)}
		if got, err := viaSarama.Partition(message, partitions); err != nil || got != want {
			t.Errorf("Sarama's: %d, %v, want %d", got, err, want)
		}
		if got := gokaPartition(kafka.NewHasher, key, partitions); got != want {
			t.Errorf("Goka's view: %d, want %d", got, want)
		}
	})
}

func TestHasherIsAHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SliceOf(rapid.Byte()).Draw(t, "first")
		second := rapid.SliceOf(rapid.Byte()).Draw(t, "second")
		inOne, inTwo := kafka.NewHasher(), kafka.NewHasher()
		_, _ = inOne.Write(append(append([]byte{}, first...), second...))
		_, _ = inTwo.Write(second) // forgotten
		inTwo.Reset()
		_, _ = inTwo.Write(first)
		_, _ = inTwo.Write(second)
		if inOne.Sum32() != inTwo.Sum32() {
			t.Error("it depends on the pieces")
		}
		if got := inOne.Sum(nil); len(got) != inOne.Size() {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// Design §2, no. 6: Goka's default hash, FNV-1a, puts a key elsewhere than every producer that
// follows Java's client does. A command sent by such a producer would meet the wrong table.
func TestGokaDefaultHasher_reproduction(t *testing.T) {
	const partitions = 12
	elsewhere := 0
	for _, java := range javaHashes {
		got := gokaPartition(goka.DefaultHasher(), []byte(java.key), partitions)
		if got != gokaPartition(fnv.New32a, []byte(java.key), partitions) {
			t.Errorf("%s: Goka's default is not FNV-1a any more", java.key)
		}
		if got != javaPartition(java.hash, partitions) {
			elsewhere++
		}
	}
	if elsewhere == 0 {
		t.Error("Goka's default agrees with Java's client; NewHasher is not needed any more")
	}
}

func TestGokaDefaultHasher_prevention(t *testing.T) {
	const partitions = 12
	for _, java := range javaHashes {
		got := gokaPartition(kafka.NewHasher, []byte(java.key), partitions)
		if got != javaPartition(java.hash, partitions) {
			t.Errorf("%s: not where Java's client puts it", java.key)
		}
	}
}

func BenchmarkPartition(b *testing.B) {
	key := []byte("0198f2c1-7c1e-7d3a-9a55-3f1f6d0f9a11")
	b.ReportAllocs()
	for b.Loop() {
		kafka.Partition(key, 12)
	}
}
