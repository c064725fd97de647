package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// Header returns the value of a record's header, nil if there is none. A record may have several headers
// of one name: the last one counts, wherever headers are read. Goka keeps no other, and what is added to
// a record on its way is added behind.
func Header(headers []kgo.RecordHeader, name string) []byte {
	for i := len(headers) - 1; i >= 0; i-- {
		if headers[i].Key == name {
			if headers[i].Value == nil {
				return []byte{} // it is there, if only just
			}
			return headers[i].Value
		}
	}
	return nil
}
