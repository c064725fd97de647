package codecs

import (
	"context"
	"errors"

	"github.com/lovoo/goka"
)

// Codec returns the Set as a Goka codec that poison never stops: a record that will never decode
// decodes to a *[Malformed], without an error.
//
// A record whose schema is not known yet while the registry is away is waited for, up to
// RegistrySettings.RetryLimit or until the registry is closed; one that the registry refuses is not. Then
// the error wraps [ErrRegistryUnavailable]; Goka takes it as a reason to stop the processor, and nothing
// is lost.
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
