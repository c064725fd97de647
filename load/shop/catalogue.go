package shop

import (
	"fmt"
	"math/rand/v2"
)

// product is something to buy.
type product struct {
	sku   string
	price int64 // in minor units of whatever currency the customer has
}

// catalogue is what the shop sells, the most popular first.
var catalogue = []product{
	{"coffee-beans-1kg", 1890},
	{"paper-filters-100", 349},
	{"mug-blue", 950},
	{"tea-assam-250g", 790},
	{"descaler-500ml", 890},
	{"milk-frother", 2495},
	{"espresso-cups-6", 2990},
	{"hand-grinder", 6400},
	{"kettle-gooseneck", 7900},
	{"dripper-ceramic", 2250},
	{"scale-0.1g", 3995},
	{"french-press-1l", 3450},
	{"moka-pot-6", 4200},
	{"travel-mug", 2790},
	{"cold-brew-jug", 3190},
	{"water-filter-3", 2380},
	{"grinder-electric", 24900},
	{"espresso-machine", 64900},
	{"roaster-home", 38900},
	{"barista-course", 14900},
}

// dearest is beyond what any customer can pay.
var dearest = product{"cafe-equipment-complete", 98_000_000}

// firstNames are of the most popular accounts' owners; the first is the one to look at.
var firstNames = []string{
	"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim",
	"leo", "mallory", "nina", "oscar", "peggy", "quentin", "rosa", "sybil", "trent", "ursula",
	"victor", "wendy", "xenia", "yusuf", "zoe",
}

var lastNames = []string{
	"Anders", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horváth", "Ivanova",
	"Jansen", "Kowalska", "Lindqvist", "Moreau", "Novák", "O'Brien", "Papadopoulos", "Rossi",
}

// personID is the ID of the account of a rank in popularity: alice, bob, …, zoe, alice-2, and so on.
func personID(rank int) string {
	name := firstNames[rank%len(firstNames)]
	if n := rank / len(firstNames); n > 0 {
		return fmt.Sprintf("%s-%d", name, n+1)
	}
	return name
}

func ownerName(rank int) string {
	name := firstNames[rank%len(firstNames)]
	return string(name[0]-'a'+'A') + name[1:] + " " + lastNames[rank/len(firstNames)%len(lastNames)]
}

var (
	carriers = []string{"DHL", "UPS", "GLS", "PostNL", "La Poste"}
	// A worker of the last release must take them, too: its API knows no kinds that are newer.
	freezeReasons = []reason{
		{"STOLEN", "card reported stolen"},
		{"OTHER", "a closer look"},
		{"COURT_ORDER", "court order"},
		{"OTHER", "death of the owner"},
	}
	cancelReasons = []string{"changed my mind", "found it cheaper", "ordered twice", "takes too long"}
)

func pick[T any](random *rand.Rand, choices []T) T { return choices[random.IntN(len(choices))] }
