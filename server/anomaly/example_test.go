package anomaly_test

import (
	"fmt"
	"hash/fnv"

	"github.com/sentinel-protocol/sentinel/server/anomaly"
)

func key(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// Doors of a house, and who opens them when.
func Example() {
	model, err := anomaly.New([]anomaly.Feature{
		{Name: "hour", Kind: anomaly.Number, Max: 24},
		{Name: "door", Kind: anomaly.Category},
		{Name: "openings", Kind: anomaly.Magnitude, Max: 1000},
	})
	if err != nil {
		panic(err)
	}
	doors := []string{"front", "front", "front", "garden", "front", "cellar"}
	for n := range 5000 { // what is usual
		x := []anomaly.Value{{Number: float64(8 + n%12)}, {Key: key(doors[n%6])}, {Number: float64(1 + n%4)}}
		model.Learn(x, uint64(n%60), int64(n)*60_000)
	}
	usual := []anomaly.Value{{Number: 9}, {Key: key("front")}, {Number: 2}}
	odd := []anomaly.Value{{Number: 23}, {Key: key("window")}, {Number: 40}}
	fmt.Printf("usual: %.1f, odd: %.1f\n", model.Score(usual), model.Score(odd))
	for _, p := range model.Explain(odd) {
		fmt.Printf("%s %.0f: %.0f %% of it, usual is %s\n", p.Feature, p.Value, 100*p.Share, p.Expected)
	}
	// Output:
	// usual: 0.0, odd: 21.1
	// hour 23: 33 % of it, usual is 7.88 to 19.1 in 99 of 100 cases
	// door 10002: 33 % of it, usual is 1 in 7 or more often, in 99 of 100 cases
	// openings 40: 33 % of it, usual is 0.911 to 4.05 in 99 of 100 cases
}
