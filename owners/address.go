package owners

import (
	"fmt"
	"net"
	"os"
)

// Address returns where other pods reach this one. advertised is what is configured: host:port, or a host
// alone. If it is empty, the host is the one that the server listens on, or, if it listens on all, this
// machine's address on the way to the brokers, or its name. Where no port is configured, it is that of
// listening, where the server listens. Address sends nothing.
func Address(advertised string, listening net.Addr, brokers []string) (string, error) {
	host, port, err := net.SplitHostPort(listening.String())
	if err != nil {
		return "", fmt.Errorf("owners: the server listens on %v: %w", listening, err)
	}
	switch ip := net.ParseIP(host); {
	case isAddress(advertised):
		return advertised, nil
	case advertised != "":
		host = advertised
	case host == "" || ip != nil && ip.IsUnspecified():
		if host, err = outbound(brokers); err != nil {
			return "", err
		}
	}
	address := net.JoinHostPort(host, port)
	if !isAddress(address) {
		return "", fmt.Errorf("owners: %q is no address at which other pods reach this one", address)
	}
	return address, nil
}

// outbound returns the address of this machine on the way to one of the brokers, or the machine's name. A UDP
// socket that is connected sends nothing.
func outbound(brokers []string) (string, error) {
	for _, broker := range brokers {
		connection, err := net.Dial("udp", broker) //nolint:noctx // sends nothing, waits for a name at most
		if err != nil {
			continue
		}
		host, _, err := net.SplitHostPort(connection.LocalAddr().String())
		_ = connection.Close() // nothing was sent
		if ip := net.ParseIP(host); err == nil && ip != nil && !ip.IsLoopback() {
			return host, nil
		}
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("owners: find this machine's name: %w", err)
	}
	return name, nil
}
