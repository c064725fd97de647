package garages

import "time"

// Command is a wish. The types below are all there are.
type Command interface{ isCommand() }

// The commands.
type (
	OpenGarage struct {
		Spaces       int64  `avro:"spaces" doc:"How many cars it holds, at least 1."`
		PricePerHour int64  `avro:"pricePerHour" doc:"In minor units (cents); an hour begun counts."`
		Currency     string `avro:"currency" doc:"An ISO 4217 code, such as EUR."`
	}
	EnterGarage struct {
		Plate     string `avro:"plate" doc:"The car's."`
		AccountID string `avro:"accountId" doc:"The account that pays."`
	}
	LeaveGarage struct {
		Plate string `avro:"plate" doc:"The car's."`
	}
	// SettleFee is sent by the billing process.
	SettleFee struct {
		Sequence int64 `avro:"sequence" doc:"That of the event CarLeft."`
		Paid     bool  `avro:"paid" doc:"Whether the account has paid."`
	}
)

// Event is a fact. The types below are all there are. They are kept for ever: never change what one means.
type Event interface{ isEvent() }

// The events.
type (
	GarageOpened struct {
		Spaces       int64  `avro:"spaces"`
		PricePerHour int64  `avro:"pricePerHour" doc:"In minor units (cents)."`
		Currency     string `avro:"currency"`
	}
	CarEntered struct {
		Plate     string `avro:"plate"`
		AccountID string `avro:"accountId"`
	}
	CarLeft struct {
		Plate     string `avro:"plate"`
		AccountID string `avro:"accountId"`
		Minutes   int64  `avro:"minutes" doc:"How long it was inside."`
		Fee       int64  `avro:"fee" doc:"In minor units (cents)."`
		Currency  string `avro:"currency"`
	}
	FeeSettled struct {
		Sequence int64 `avro:"sequence" doc:"That of the event CarLeft."`
		Paid     bool  `avro:"paid"`
	}
)

// Garage is the state of one garage. It is a row of the table, and an answer of the API.
type Garage struct {
	Spaces       int64  `avro:"spaces" json:"spaces"`
	PricePerHour int64  `avro:"pricePerHour" json:"pricePerHour"`
	Currency     string `avro:"currency" json:"currency"`
	Cars         []Car  `avro:"cars" json:"cars"`
	Fees         []Fee  `avro:"fees" json:"fees" doc:"Those that are not paid."`
}

// Car is a car inside.
type Car struct {
	Plate     string    `avro:"plate" json:"plate"`
	AccountID string    `avro:"accountId" json:"accountId"`
	Since     time.Time `avro:"since" json:"since"`
}

// Fee is what a car is charged.
type Fee struct {
	Sequence int64  `avro:"sequence" json:"sequence" doc:"That of the event CarLeft."`
	Plate    string `avro:"plate" json:"plate"`
	Refused  bool   `avro:"refused" json:"refused" doc:"The account did not pay."`
}

func (OpenGarage) isCommand()  {}
func (EnterGarage) isCommand() {}
func (LeaveGarage) isCommand() {}
func (SettleFee) isCommand()   {}
func (GarageOpened) isEvent()  {}
func (CarEntered) isEvent()    {}
func (CarLeft) isEvent()       {}
func (FeeSettled) isEvent()    {}
