// Command middleware is an API with Sentinel around it: in memory, in the same process, without
// a database or another service. Try it with
//
//	go run . &
//	curl -i http://127.0.0.1:8080/hello
//	curl -i http://127.0.0.1:8080/api/admin   # a decoy: from now on this machine is refused
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/sentinel-protocol/sentinel/server/engine"
	"github.com/sentinel-protocol/sentinel/server/gateway"
)

func main() {
	api, err := protect(http.HandlerFunc(hello))
	if err != nil {
		log.Fatal(err) //nolint:forbidigo // an example has no logger of its own
	}
	srv := &http.Server{Addr: "127.0.0.1:8080", Handler: api, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe()) //nolint:forbidigo // as above
}

// protect puts Sentinel around any handler. Behind a reverse proxy, name its address in
// Config.Trusted, or everybody is taken for that proxy.
func protect(api http.Handler) (http.Handler, error) {
	guard, err := gateway.Alone(engine.Defaults())
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Config{RateLimit: true}, guard, api), nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/login" { // nobody knows the password
		http.Error(w, "wrong password", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello")
}
