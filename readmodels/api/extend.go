package api

import (
	"net/http"

	"refold/readmodels"
	"refold/worker"
)

// Extend adds the endpoints to a worker, by the stores of its configuration. It is a worker.Extension.
// Without a database there are none.
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
	if _, store := stores.Of(&readmodels.OrderSearch); store != nil {
		o.Documents = store
	}
	if search := stores.Search(&readmodels.OrderSearch); search != nil {
		o.Orders = OpenSearch{
			Addresses: search.Addresses, User: search.User, Password: search.Password, Prefix: search.Prefix,
			Client: &http.Client{
				Timeout: search.Timeout, Transport: &http.Transport{TLSClientConfig: search.TLS},
			},
		}
	}
	register, err := Endpoints(o)
	if err != nil {
		return err
	}
	host.Endpoints(register)
	return nil
}
