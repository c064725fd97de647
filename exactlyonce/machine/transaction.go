package machine

import "maps"

// TransactionCommitted reports that the transaction is committed, and its rows are in the local store.
func (m *Machine[P]) TransactionCommitted() []Action[P] {
	m.noteCommit()
	return m.advance(nil)
}

// TransactionCommittedLast reports that the transaction is committed, but its producer must not be used any
// more.
func (m *Machine[P]) TransactionCommittedLast(err error) []Action[P] {
	m.noteCommit()
	return m.goAway(Rebuild, err, true)
}

func (m *Machine[P]) noteCommit() {
	if !m.orphan {
		maps.Copy(m.committed, m.air.next)
	}
	if m.txn != txnRows { // rows that commit say nothing about records that fail
		m.failures = 0
	}
	m.land()
}

// TransactionAborted reports that the transaction is certainly not committed, and that its producer is fit
// for another.
func (m *Machine[P]) TransactionAborted() []Action[P] {
	if !m.orphan {
		m.recovery = recoveryDue
		if m.txn != txnRows { // the caller of Between gets the error, and decides whether to try again
			m.failures++
		}
	}
	m.land()
	return m.advance(nil)
}

// TransactionUnknown reports that the transaction may be committed or not, or that its producer must not be
// used any more.
func (m *Machine[P]) TransactionUnknown(err error) []Action[P] {
	m.recovery = recoveryDue
	m.land()
	return m.goAway(Rebuild, err, true)
}

// TransactionRefused reports that the transaction was aborted, and would be every time.
func (m *Machine[P]) TransactionRefused(err error) []Action[P] {
	if m.txn == txnRows {
		return m.TransactionAborted() // the caller of Between need not write the rows again
	}
	m.recovery = recoveryDue
	m.land()
	return m.goAway(Failed, err, true)
}

func (m *Machine[P]) land() { m.air, m.txn, m.orphan = batch[P]{}, txnNone, false }

// closeBatch puts the open batch into a transaction.
func (m *Machine[P]) closeBatch(out []Action[P]) []Action[P] {
	m.air, m.open = m.open, batch[P]{}
	return m.start(txnBatch, out, Action[P]{
		Do: CloseBatch, Offsets: m.air.next, Records: m.air.records, Bytes: m.air.bytes,
	})
}

// start begins a transaction of the next producer.
func (m *Machine[P]) start(what txn, out []Action[P], a Action[P]) []Action[P] {
	m.txn, m.orphan, m.gap = what, false, true
	a.Producer = m.producer
	m.producer = (m.producer + 1) % m.limits.Producers
	return append(out, a, Action[P]{Do: StartGap})
}
