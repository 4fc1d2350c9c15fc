package console_test

import (
	"testing"
)

func TestSmoke(t *testing.T) {
	h := open(t)
	h.trip("198.51.100.7")
	var v any
	h.mustAsk(&v, `{ me {name role} health {state version node demo dependencies{name state detail since}} rules{id title version severity explanation}
	  alerts { totalCount edges { cursor node { id rule title severity status actor{label network keyPrefix} client keyPrefix reason firstAt lastAt findings count limit windowSeconds times decision{id state until target{label}} decisions{id} incident{id reference alertCount} exchanges{id path status refused cause took} resolvedAt resolvedBy}} pageInfo{endCursor hasNextPage} }
	  decisions { totalCount edges{node{id alert{id} }}}
	  stats { now{requests failed refused failedShare activeAlerts blockedClients} before{requests} requestsPerSecond topEndpoints{path requests took} statusMix{status requests} from to}
	  timeline{at requests}
	  client(address:"198.51.100.7"){requests lastAt decisions{id} alerts{id} exchanges{id}}
	  search(text:"198.51.100.7"){kind id label detail}
	  audit{edges{node{verb object}}}
	  exchanges{edges{node{reference}}}
	}`, nil)
	t.Logf("%v", v)
}
