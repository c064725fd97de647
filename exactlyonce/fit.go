package exactlyonce

import (
	"context"
	"errors"
	"fmt"

	"refold/exactlyonce/machine"
)

// ErrUnfit is wrapped by an error of Config.Fit that ends the Processor: a topic was replaced by another of
// its name, and nothing may be handled by the new one.
var ErrUnfit = errors.New("the topics are not those that they were")

// askFit asks Config.Fit. The error is a machine.FatalError if it wraps ErrUnfit.
func (e *engine) askFit(ctx context.Context, partitions []int32) (map[int32]error, error) {
	if e.cfg.Fit == nil || !topicsFit {
		return nil, nil //nolint:nilnil // none is unfit
	}
	unfit, err := e.cfg.Fit(ctx, partitions)
	if errors.Is(err, ErrUnfit) {
		return nil, &machine.FatalError{Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("look whether the topics fit together: %w", err)
	}
	return unfit, nil
}

// checkFit holds the partitions of the session that don't fit. The check before the tables are restored keeps
// a store from being rebuilt from a topic that has been replaced. The check after it finds a topic that was
// replaced in between:
//
//	the topic fits
//	an operator deletes it and makes it again
//	the store finds that the topic is new, and is rebuilt empty
//
// When a topic is replaced later, the store has its rows already, and the next check finds it within
// Config.TopicsMaxAge. Producers and consumers don't follow to a topic with another ID.
func (s *session) checkFit(ctx context.Context) error {
	unfit, err := s.engine.askFit(ctx, s.partitions())
	s.holdUnfit(unfit)
	return err
}

// errFitsAgain says that a partition that was held fits now.
var errFitsAgain = errors.New("a partition's topics fit together again")

// checkFitAgain is checkFit of a session that runs. If the session is over by now, nothing is held, because
// its consumer is the next session's. The error is errFitsAgain if a partition that is held fits now. Such a
// partition needs a new session: the repair of the topic may have written rows that the store of this session
// does not have.
func (s *session) checkFitAgain(ctx context.Context) error {
	unfit, err := s.engine.askFit(ctx, s.partitions())
	if err != nil {
		return err
	}
	s.begin(func() { s.holdUnfit(unfit) })
	for tp := range s.claims {
		if unfit[tp.Partition] == nil && s.holds.hasCause(tp, causeUnfit) {
			return errFitsAgain
		}
	}
	return nil
}

func (s *session) holdUnfit(unfit map[int32]error) {
	for tp := range s.claims {
		if why := unfit[tp.Partition]; why != nil {
			s.hold(hold{cause: causeUnfit, why: why}, tp)
		}
	}
}
