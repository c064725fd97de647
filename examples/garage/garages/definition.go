package garages

import "refold/processors"

// Definition is all that a program needs to know of garages.
var Definition = processors.Aggregate[Garage, Command, Event]{
	Name: "garage", Plural: "garages",
	Decide: decide, Evolve: evolve, FoldVersion: 1,
	Commands: []processors.Message{
		processors.Of(OpenGarage{Spaces: 300, PricePerHour: 250, Currency: "EUR"}, "Opens a garage.").
			Rule("currency-code", `message.currency.matches("^[A-Z]{3}$")`, "An ISO 4217 code, such as EUR."),
		processors.Of(EnterGarage{Plate: "B-XY 123", AccountID: "alice"}, "Lets a car in.").
			Rule("plate-given", "message.plate.size() >= 1 && message.plate.size() <= 16",
				"A plate has 1 to 16 characters."),
		processors.Of(LeaveGarage{Plate: "B-XY 123"}, "Lets a car out, and has it charged."),
		processors.Of(SettleFee{Sequence: 3, Paid: true}, "Notes what came of a charge.").Internal(),
	},
	Events: []processors.Message{
		processors.Of(GarageOpened{}, "There is a garage from now on."),
		processors.Of(CarEntered{}, "A car is inside."),
		processors.Of(CarLeft{}, "A car is outside, and owes a fee."),
		processors.Of(FeeSettled{}, "A fee was paid, or the account has refused to pay."),
	},
	FormerEvents: former,
	Rejections: map[string]string{
		"garage-not-open":   "There is no such garage.",
		"garage-not-opened": "There is one already, or its spaces or its price can't be.",
		"garage-full":       "All spaces are taken. Try again later.",
		"car-inside":        "The car has entered already.",
		"car-outside":       "The car has not entered.",
		"fee-unpaid":        "The account has refused to pay for this car.",
	},
	Totals: func(g Garage) []processors.Total {
		return []processors.Total{{Name: "cars", Amount: int64(len(g.Cars))}}
	},
}
