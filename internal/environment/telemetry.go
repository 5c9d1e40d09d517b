package environment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// awaitTelemetry waits until series of both receivers can be queried. A
// configuration of the user's may send something else, or nothing.
func (r *recipe) awaitTelemetry(ctx context.Context) error {
	wanted := map[string]string{"k8s_cluster": `{__name__=~"k8s.pod.phase.*"}`, "kubeletstats": `{__name__=~"k8s.node.cpu.*"}`}
	if r.plan.Environment.Telemetry.Collectors.Cluster != "" {
		delete(wanted, "k8s_cluster")
	}
	// In a container, one collector has both.
	own := r.plan.Environment.Telemetry.Collectors
	if own.Nodes != "" || r.containers != nil && own.Cluster != "" {
		delete(wanted, "kubeletstats")
	}
	for receiver, selector := range wanted {
		r.host.detail(telemetry, "waiting for "+receiver)
		if err := poll(ctx, func() (bool, error) { return r.hasSeries(ctx, selector) }); err != nil {
			return fmt.Errorf("waiting for the first metrics of %s: %w", receiver, err)
		}
	}
	return nil
}

// poll calls check until it is true; a cancelled ctx ends it with the last error.
func poll(ctx context.Context, check func() (bool, error)) error {
	for {
		ok, err := check()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *recipe) hasSeries(ctx context.Context, selector string) (bool, error) {
	address := prometheusURL(r.plan) + "/api/v1/query?query=" + url.QueryEscape("count("+selector+")")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, fmt.Errorf("making a query: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, fmt.Errorf("querying Prometheus: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return false, fmt.Errorf("reading Prometheus' answer: %w", err)
	}
	return len(answer.Data.Result) > 0, nil
}
