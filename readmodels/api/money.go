package api

import (
	"strconv"
	"strings"

	"refold/processors/accounts"
)

// decimal writes an amount as a decimal number of its currency's major unit, "-12.50" and "1250". One in a
// currency that is not known stays in minor units.
func decimal(amount int64, currency string) string {
	decimals, _ := accounts.Decimals(currency)
	if decimals == 0 {
		return strconv.FormatInt(amount, 10)
	}
	sign, digits := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, digits = "-", digits[1:]
	}
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - decimals
	return sign + digits[:point] + "." + digits[point:]
}

// unit names the unit of decimal numbers in a currency.
func unit(currency string) string {
	if _, known := accounts.Decimals(currency); !known {
		return "minor units of " + currency
	}
	return currency
}
