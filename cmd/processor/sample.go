package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"refold/config"
)

// sampleCommand is a command of the sample load.
type sampleCommand struct {
	account string
	name    string
	data    map[string]any
}

// sampler makes believable commands: accounts are opened before they are used, a few are used far
// more than the rest, and now and then something is refused. The same seed makes the same ones.
type sampler struct {
	random     *rand.Rand
	popularity *rand.Zipf
	opened     map[string]bool
	orders     int
}

// Popularity is skewed as customers' are: the first account gets some fifth of all commands.
const (
	zipfExponent = 1.2
	zipfOffset   = 3
)

func newSampler(c config.SampleLoad) *sampler {
	random := rand.New(rand.NewPCG(uint64(c.Seed), 0))
	return &sampler{
		random:     random,
		popularity: rand.NewZipf(random, zipfExponent, zipfOffset, uint64(c.Accounts-1)),
		opened:     make(map[string]bool),
	}
}

// firstAccount is opened first, so that there is something to look at.
const firstAccount = "alice"

func (s *sampler) next() sampleCommand {
	account := firstAccount
	if n := s.popularity.Uint64(); n > 0 && len(s.opened) > 0 {
		account = fmt.Sprintf("account-%03d", n)
	}
	if !s.opened[account] {
		s.opened[account] = true
		return sampleCommand{account, "OpenAccount", map[string]any{
			"owner": "Owner of " + account, "currency": "EUR",
		}}
	}
	amount := int64(100 + s.random.IntN(9900))
	switch p := s.random.IntN(100); {
	case p < 55:
		return sampleCommand{account, "DepositMoney", map[string]any{
			"amount": amount, "currency": "EUR",
		}}
	case p < 75:
		return sampleCommand{account, "WithdrawMoney", map[string]any{
			"amount": amount, "currency": "EUR", // refused if there is not enough
		}}
	case p < 97:
		s.orders++
		return sampleCommand{account, "ChargeAccount", map[string]any{
			"amount": amount, "currency": "EUR", "reference": fmt.Sprintf("order-%d", s.orders),
		}}
	default:
		return sampleCommand{account, "DepositMoney", map[string]any{
			"amount": amount, "currency": "USD", // refused: another currency
		}}
	}
}

// body is the command as the API takes it.
func (c sampleCommand) body() ([]byte, error) {
	body, err := json.Marshal(map[string]any{"type": c.name, "data": c.data})
	if err != nil {
		return nil, fmt.Errorf("encode a sample command: %w", err)
	}
	return body, nil
}
