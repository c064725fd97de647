package accounts

import (
	"fmt"
	"strconv"
	"strings"
)

// The active currencies of ISO 4217 as its list stood in January 2026, by the number of decimals
// of their minor unit. It has money only: no funds codes (BOV, CHE, CHW, CLF, COU, MXV, USN, UYI,
// UYW), no units of account (XAD, XDR, XSU, XUA), no metals, no test codes.
//
// A code that ISO withdraws is taken out here and can't be chosen any more. Accounts that are in it
// go on as they are: only OpenAccount asks.
var currencyDecimals = decimalsOf(map[int]string{
	0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
	2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS " +
		"GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP " +
		"LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK " +
		"NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS " +
		"SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST " +
		"XCD XCG YER ZAR ZMW ZWG",
	3: "BHD IQD JOD KWD LYD OMR TND",
})

func decimalsOf(codes map[int]string) map[string]int {
	decimals := make(map[string]int)
	for n, list := range codes {
		for code := range strings.FieldsSeq(list) {
			decimals[code] = n
		}
	}
	return decimals
}

// ActiveCurrency reports whether an account may be opened in the currency.
func ActiveCurrency(code string) bool {
	_, active := currencyDecimals[code]
	return active
}

// Decimals returns how many decimals the amounts of a currency have: 2 for EUR, 0 for JPY. The second result
// reports whether the currency is an active one.
func Decimals(code string) (int, bool) {
	decimals, known := currencyDecimals[code]
	return decimals, known
}

// money renders an amount that is not negative for people: "12.50 EUR", "1250 JPY". Of a currency
// that is not in the list any more it tells the minor units.
func money(amount int64, currency string) string {
	decimals, known := currencyDecimals[currency]
	if !known {
		return fmt.Sprintf("%d minor units of %s", amount, currency)
	}
	digits := strconv.FormatInt(amount, 10)
	if decimals == 0 {
		return digits + " " + currency
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - decimals
	return digits[:point] + "." + digits[point:] + " " + currency
}
