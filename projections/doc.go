// Package projections is the kit for read models: tables in a database, an index or a cache that are made of
// events. A [Projection] is pure. It says which rows a recorded event changes; who runs it, in which store,
// and how often it had to try does not show in the rows (G12).
//
//	// Line is a line of a bank statement.
//	type Line struct {
//		AccountID string `column:"account_id,key,subject"`
//		Sequence  int64  `column:"sequence,key"`
//		Amount    int64  `column:"amount"`
//		Balance   int64  `column:"balance"`
//	}
//
//	var lines = projections.NewTable[Line]("account_statement")
//
//	var Statement = projections.Projection{
//		Name: "account_statement", Version: 1, Tables: projections.Tables{lines.Table},
//		Sources: []projections.Source{projections.FromEvents(accounts.Definition, statement)},
//	}
//
// # Parts
//
//   - A [Table] is declared by a struct, a [Change] is one of a row: put, merged, or deleted.
//   - A [Source] makes changes of the events of one aggregate. There are three: of each event, with the
//     states before and after it ([FromEvents]); of each event and what it looks up, the states of another
//     aggregate as of events that it refers to ([FromEventsWith]); and of states alone ([FromStates]), which
//     is cheaper.
//   - A [Store] keeps rows, the states of the fold, and the progress of each partition, and writes all three
//     in one step. Packages below have them: memory, sqlite, postgres, redis, opensearch.
//   - A [Build] is one filling of a projection's tables. A new one fills beside the one that readers see, and
//     takes its place when it is level.
//
// Package projector runs projections, package projectiontest tests them without a store.
package projections
