package api

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// csvHeader names the columns of a statement as CSV. Amounts are decimal numbers.
var csvHeader = []string{
	"account", "month", "sequence", "booked_at", "kind", "text", "reference", "amount", "currency", "balance",
}

// answerCSV answers with a statement as CSV (RFC 4180). The first page begins with a line of the kind
// opening, the last one ends with one of the kind closing; both have a balance and no amount.
func answerCSV(s *Statement, has ifNoneMatch) *output {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.Write(csvHeader) // into memory
	balance := func(kind, text string, amount int64) {
		_ = w.Write([]string{
			cell(s.AccountID), s.Month, "", "", kind, text, "", "", cell(s.Currency),
			decimal(amount, s.Currency),
		})
	}
	if s.Carried == nil {
		balance("opening", "Opening balance", s.Opening)
	}
	for _, l := range s.Items {
		_ = w.Write([]string{
			cell(s.AccountID), l.Month, strconv.FormatInt(l.Sequence, 10),
			l.BookedAt.Format(time.RFC3339Nano),
			string(l.Kind), cell(l.Text), cell(l.Reference), decimal(l.Amount, l.Currency), cell(l.Currency),
			decimal(l.Balance, l.Currency),
		})
	}
	if s.Next == "" {
		balance("closing", "Closing balance", s.Closing)
	}
	w.Flush()
	out := answer(mediaCSV, b.Bytes(), has, s.Next)
	out.Disposition = `attachment; filename="` + s.fileName(".csv") + `"`
	return out
}

// cell returns a text such that no spreadsheet takes it for a formula: with an apostrophe in front of it, if
// it begins like one. What others have chosen, such as an ID or a reference, must not be executed by a
// reader.
func cell(text string) string {
	if strings.IndexFunc(text, isFormula) == 0 {
		return "'" + text
	}
	return text
}

// isFormula reports whether a text that begins with the character may be taken for a formula, also after a
// spreadsheet has left out what it takes for a blank.
func isFormula(r rune) bool {
	return r < ' ' || strings.ContainsRune(" \u00a0=+-@|%＝＋－＠", r)
}
