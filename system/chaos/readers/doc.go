// Package readers reads through all pods while faults happen, and checks what it is told (G10, G11).
//
// A [Group] has clients. Each of them reads through every pod at the same time, remembers what it has seen,
// and judges each answer by what it knew when it sent the request:
//
//   - A row, alone or in a list, is at the newest sequence that the client has seen of the aggregate, or
//     beyond, whichever pod showed it and in whichever kind of answer: a row, a list, a history, an outcome.
//   - No answer to ?atLeast=n is below n, also if the client waits for it.
//   - A list has every aggregate that the client knows within its bounds.
//   - A history ends where the client has seen it end, or later, and has no hole. It may be behind the row
//     for a moment: it is written when the row's transaction has committed.
//   - A command that was decided stays so, with the same outcome.
//   - Every other answer is a problem that the API documents: 503 with Retry-After, 504, 404 of what the
//     client has never seen. A pod may break a connection off, when it is killed; it may not be silent for
//     minutes.
//
// When all is quiet, [Group.Compare] has each pod show everything, byte by byte the same.
//
// It shares no code with the program.
package readers
