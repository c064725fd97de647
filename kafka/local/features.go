package local

import (
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// transactionVersion is the feature by which brokers tell which protocol of transactions they use.
const transactionVersion = "transaction.version"

// TransactionVersion is Options.TransactionVersion for a cluster that is made without Start.
func TransactionVersion(level int16) kfake.Opt {
	return kfake.MaxVersions(withTransactionVersion(level))
}

// withTransactionVersion is the newest release, formatted with another transaction.version: the
// table of a release can't be changed, one made from a broker's answer can.
func withTransactionVersion(level int16) *kversion.Versions {
	newest := kversion.Stable()
	answer := kmsg.NewPtrApiVersionsResponse()
	newest.EachMaxKeyVersion(func(key, version int16) {
		api := kmsg.NewApiVersionsResponseApiKey()
		api.ApiKey, api.MaxVersion = key, version
		answer.ApiKeys = append(answer.ApiKeys, api)
	})
	newest.EachSupportedFeature(func(name string, least, most int16) {
		feature := kmsg.NewApiVersionsResponseSupportedFeature()
		feature.Name, feature.MinVersion, feature.MaxVersion = name, least, most
		answer.SupportedFeatures = append(answer.SupportedFeatures, feature)
	})
	newest.EachFinalizedFeature(func(name string, finalized int16) {
		if name == transactionVersion {
			finalized = level
		}
		feature := kmsg.NewApiVersionsResponseFinalizedFeature()
		feature.Name, feature.MinVersionLevel, feature.MaxVersionLevel = name, finalized, finalized
		answer.FinalizedFeatures = append(answer.FinalizedFeatures, feature)
	})
	answer.FinalizedFeaturesEpoch = 1
	return kversion.FromApiVersionsResponse(answer)
}
