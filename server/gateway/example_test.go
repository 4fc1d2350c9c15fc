package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
)

// alone is the engine as a guard: what it finds is enforced and told to nobody.
type alone struct{ *engine.Engine }

func (a alone) Observe(x engine.Exchange) { a.Engine.Observe(x) }

// Any handler can be protected: whoever asks for a decoy is refused from then on.
func ExampleNew() {
	rules, err := engine.New(engine.Defaults(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	api := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	protected := gateway.New(gateway.Config{}, alone{rules}, api)

	for _, path := range []string{"/api/balance", "/api/admin/users", "/api/balance"} {
		w := httptest.NewRecorder()
		protected.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /api/balance 200
	// /api/admin/users 403
	// /api/balance 403
}
