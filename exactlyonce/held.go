package exactlyonce

// hold keeps the consumer from what Config.Held holds of the session's partitions. The client drops
// what it has fetched of them already, without moving on, so that a batch never has anything of them:
// their offsets stay where they are, and a rewind doesn't know them. No poll is out when a session
// begins.
func (r *run) hold(s *session) {
	if r.engine.cfg.Held == nil {
		return
	}
	r.consumer.ResumeFetchPartitions(r.consumer.PauseFetchPartitions(nil))
	held := make(map[string][]int32)
	for tp := range s.claims {
		if r.engine.cfg.Held(tp.topic, tp.partition) {
			held[tp.topic] = append(held[tp.topic], tp.partition)
			r.engine.cfg.Metrics.forgetLag(tp) // which grows unseen
		}
	}
	if len(held) > 0 {
		r.consumer.PauseFetchPartitions(held)
		r.engine.log.Warn("partitions are held; nothing of them is handled", "partitions", held)
	}
}
