package report

import (
	"errors"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	r := run("2 × fast",
		map[string]float64{Accounts: 12_345.678, Engine: 4.5}, map[string]float64{Engine: 5.5})
	r.Samples = append(r.Samples, Sample{
		Scenario: CPU, Subject: Goka, Round: 2, Error: "it ended\nits log",
	})
	text := r.Markdown()
	for _, want := range []string{
		"| CPU | 2 × fast |\n| Kafka | 4 |\n",
		"| " + asShipped + " | 2469.14 |\n",
		"Measured on 2026-01-31 at commit `abc` by `make bench`.\n",
		"| Refold's engine |  | 5.00 (4.50–5.50) | | | |\n" +
			"| **accounts, as shipped** |  | 12,345.68 | | | |\n",
		"\nNot measured:\n\n- Goka as it ships , round 2: it ended\n",
		"## Settings",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for _, no := range []string{"## Latency", "| Goka as it ships |  | ", "its log"} {
		if strings.Contains(text, no) {
			t.Errorf("%q in:\n%s", no, text)
		}
	}
}

func TestNoteStandsWithItsPart(t *testing.T) {
	p := Part{Date: "2026-01-31", Commit: "abc", Command: "make bench", Note: "Others used the machine, too."}
	const want = "Measured on 2026-01-31 at commit `abc` by `make bench`. **Others used the machine, too.**"
	if got := p.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		f        float64
		decimals int
		want     string
	}{
		{0, 0, "0"},
		{999.96, 1, "1,000.0"},
		{123, 2, "123.00"},
		{1234567.891, 2, "1,234,567.89"},
	} {
		if got := Number(c.f, c.decimals); got != c.want {
			t.Errorf("%g: %q, want %q", c.f, got, c.want)
		}
	}
}

func TestCostsStandInTheirPlace(t *testing.T) {
	r := run("fast", map[string]float64{Accounts: 12, StreamsAccounts: 40})
	for range 2 { // the second time they replace themselves
		text, err := r.WithCosts("before\n" + costsBegin + "\nof last year\n" + costsEnd + "\nafter\n")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(text, "before\n"+costsBegin) ||
			!strings.HasSuffix(text, costsEnd+"\nafter\n") ||
			strings.Contains(text, "last year") || !strings.Contains(text, "read side | 12.0 |") {
			t.Errorf("%s", text)
		}
	}
}

func TestRunWithoutCostsLeavesThoseThatAreThere(t *testing.T) {
	before := costsBegin + "\nof last year\n" + costsEnd
	after, err := one(Restore, 2).WithCosts(before)
	if err != nil || after != before {
		t.Errorf("%q, %v", after, err)
	}
}

func TestCostsNeedAPlace(t *testing.T) {
	for _, text := range []string{"", costsBegin, costsEnd + costsBegin} {
		if _, err := run("fast").WithCosts(text); !errors.Is(err, ErrNoPlace) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
