package kinds

import (
	"cmp"
	"context"
	"net/http"

	"github.com/diorama-lab/diorama/internal/controlplane"
	"github.com/diorama-lab/diorama/internal/loopback"
	"github.com/diorama-lab/diorama/internal/plan"
)

// answers asks a port of this machine for a path.
func answers(port int, path string) plan.Probe {
	return func(ctx context.Context) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		return controlplane.Probe(ctx, client, loopback.HTTP(port, path))
	}
}

// both asks two probes.
func both(first, second plan.Probe) plan.Probe {
	return func(ctx context.Context) error { return cmp.Or(first(ctx), second(ctx)) }
}
