package api

import (
	"net/http"

	"refold/config"
	"refold/kafka"
	"refold/readmodels"
	"refold/worker"
)

// Extend adds the endpoints to a worker, by the stores of its configuration. It is a worker.Extension. Without a
// database there are none.
func Extend(host *worker.Host) error {
	stores := host.Stores()
	_, store := stores.Of(&readmodels.AccountsCurrent)
	database, is := store.(Database)
	if !is {
		return nil
	}
	o := Options{Database: database, Logger: host.Logger}
	if _, store := stores.Of(&readmodels.AccountCard); store != nil {
		o.Cards = store
	}
	if name, _ := stores.Of(&readmodels.OrderSearch); name == config.StoreOpenSearch {
		search, err := openSearch(host)
		if err != nil {
			return err
		}
		o.Orders = search
	}
	register, err := Endpoints(o)
	if err != nil {
		return err
	}
	host.Endpoints(register)
	return nil
}

// openSearch returns the search in the worker's OpenSearch.
func openSearch(host *worker.Host) (OpenSearch, error) {
	c := host.Projections().OpenSearch
	password, err := kafka.SecretOrFile(c.Password, c.PasswordFile, "projections.opensearch.password-file")
	if err != nil {
		return OpenSearch{}, err //nolint:wrapcheck // it names the option
	}
	certificates, err := kafka.TLS{
		Enabled: true, CAFile: c.TLS.CAFile, CertFile: c.TLS.CertFile, KeyFile: c.TLS.KeyFile,
	}.Config()
	if err != nil {
		return OpenSearch{}, err //nolint:wrapcheck // it names the file
	}
	return OpenSearch{
		Addresses: c.Addresses, User: c.Username, Password: password, Prefix: host.Prefix(),
		Client: &http.Client{Timeout: c.Timeout, Transport: &http.Transport{TLSClientConfig: certificates}},
	}, nil
}
