package accounts_test

import (
	"strings"
	"testing"

	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
)

// An account is opened in money that is in use; in nothing else that ISO 4217 has codes for.
func TestOpenAccount_currency(t *testing.T) {
	for code := range strings.FieldsSeq("EUR USD JPY CHF BHD XOF XCG ZWG VES SLE") {
		scenario.Of(t, accounts.Decider).
			When(accounts.OpenAccount{Owner: "Alice", Currency: code}).
			Then(accounts.AccountOpened{Owner: "Alice", Currency: code})
	}
	for _, code := range []string{
		"", "E", "EU", "eur", "Eur", "EURO", " EUR", "ЕUR", // the last with a Cyrillic letter
		"DEM", "HRK", "BGN", "ANG", "SLL", // withdrawn
		"CHE", "CLF", "USN", "UYI", // funds codes
		"XAU", "XDR", "XAD", "XTS", // metals, units of account, no currency
	} {
		scenario.Of(t, accounts.Decider).
			When(accounts.OpenAccount{Owner: "Alice", Currency: code}).
			ThenRejected(accounts.CodeCurrencyUnknown)
	}
}

// Messages name amounts as people write them; of a currency that the list has lost, too.
func TestMessages_amounts(t *testing.T) {
	for _, test := range []struct {
		balance  int64
		currency string
		want     string
	}{
		{1, "EUR", "0.01 EUR"},
		{99, "EUR", "0.99 EUR"},
		{100, "EUR", "1.00 EUR"},
		{1234567, "USD", "12345.67 USD"},
		{7, "JPY", "7 JPY"},
		{1, "BHD", "0.001 BHD"},
		{12345, "BHD", "12.345 BHD"},
		{12345, "BGN", "12345 minor units of BGN"},
	} {
		turn := scenario.Of(t, accounts.Decider).
			Given(accounts.AccountOpened{Owner: "Alice", Currency: test.currency},
				accounts.MoneyDeposited{Amount: test.balance, Currency: test.currency}).
			When(accounts.CloseAccount{})
		turn.ThenRejected(accounts.CodeBalanceNotZero)
		want := "the balance is " + test.want + "; it must be zero to close the account"
		if got := turn.Message(); got != want {
			t.Errorf("%d %s: the message is %q, want %q", test.balance, test.currency, got, want)
		}
	}
}
