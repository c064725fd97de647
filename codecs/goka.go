package codecs

import (
	"context"
	"errors"

	"github.com/lovoo/goka"
)

// Codec returns the Set as a Goka codec that does not fail on poison: a record that will never decode
// decodes to a *[Malformed], without an error.
//
// If a record's schema is not known yet and the registry does not answer, Decode tries again until
// RegistrySettings.RetryLimit has passed or the registry is closed. It does not try again if the registry
// refuses to answer. Then the error wraps [ErrRegistryUnavailable]; Goka stops the processor, and nothing is
// lost.
func (s *Set) Codec() goka.Codec { return codec{s} }

type codec struct{ set *Set }

func (c codec) Encode(v any) ([]byte, error) { return c.set.Encode(v) }

func (c codec) Decode(b []byte) (any, error) {
	v, err := c.set.Decode(context.Background(), b)
	if errors.Is(err, ErrRegistryUnavailable) {
		err = c.set.registry.patiently(context.Background(), func(ctx context.Context) error {
			v, err = c.set.Decode(ctx, b)
			return err
		})
	}
	if poison, is := errors.AsType[*Malformed](err); is {
		return poison, nil
	}
	return v, err
}
