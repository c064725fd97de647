package inspect_test

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/inspect"
)

func TestDescribe(t *testing.T) {
	s := newStage(t, 2)
	s.write(s.plain, 0, "old", s.sold(1), s.sold(2))
	s.write(s.plain, 1, "text")
	tx := s.client(kgo.TransactionalID("x"))
	s.begin(tx)
	s.write(tx, 1, "aborted")
	s.end(tx, kgo.TryAbort)
	retention := "1000"
	admin := kadm.NewClient(s.plain)
	if _, err := admin.AlterTopicConfigs(s.ctx, []kadm.AlterConfig{
		{Name: "retention.ms", Value: &retention},
	}, "t"); err != nil {
		t.Fatal(err)
	}
	got, err := inspect.Describe(s.ctx, s.settings, s.registry, "t", 2)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got.Offsets, int64(6))
	equal(t, len(got.Partitions), 2)
	equal(t, got.Partitions[1], inspect.Partition{
		Partition: 1, Leader: got.Partitions[1].Leader, Replicas: got.Partitions[1].Replicas,
		InSync: got.Partitions[1].InSync, Start: 0, End: 3,
	})
	equal(t, got.Config, []inspect.Config{{Name: "retention.ms", Value: "1000", Source: "topic"}})
	equal(t, got.Last, []inspect.Kind{
		{
			Records: 2, Format: inspect.FormatWire, Type: "Sold", SchemaID: 1, SchemaName: "shop.Sold",
			SchemaIn: codecs.InPrefix,
		},
		{Records: 1, Format: inspect.FormatText},
	})
	_, err = inspect.Describe(s.ctx, s.settings, nil, "none", 0)
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Error(err)
	}
}
