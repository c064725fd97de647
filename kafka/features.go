package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Features is what a cluster has agreed on.
type Features struct {
	// TransactionsV2: transaction.version is 2 or later (KIP-890). Each transaction then has an epoch of
	// its own, and a commit of offsets adds them to the transaction by itself.
	TransactionsV2 bool
}

// AskFeatures asks a broker for the cluster's features.
func AskFeatures(ctx context.Context, cl *kgo.Client) (Features, error) {
	f := Features{}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "refold", "0"
	resp, err := req.RequestWith(ctx, cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return f, fmt.Errorf("ask the broker for its features: %w", err)
	}
	for _, feature := range resp.FinalizedFeatures {
		if feature.Name == "transaction.version" && feature.MaxVersionLevel >= 2 {
			f.TransactionsV2 = true
		}
	}
	return f, nil
}

// Versions returns the options that limit which versions of requests a transactional producer may send.
// From version 5 on TxnOffsetCommit adds the offsets to the transaction by itself, which only transaction
// version 2 can do.
func (f Features) Versions() []kgo.Opt {
	if f.TransactionsV2 {
		return nil
	}
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(kmsg.TxnOffsetCommit.Int16(), 4)
	return []kgo.Opt{kgo.MaxVersions(versions)}
}
