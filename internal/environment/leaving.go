package environment

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/diorama-lab/diorama/internal/collector"
	"github.com/diorama-lab/diorama/internal/nodes"
)

// leaveLimit bounds how long a collector may take to stop asking nodes that
// are to be removed. One that does not answer does not keep them.
const leaveLimit = 15 * time.Second

// leave returns when no collector asks the nodes any more that are marked as
// leaving. A configuration of the user's is left alone.
func (r *recipe) leave(ctx context.Context, leaving []string) error {
	own, internal := r.plan.Environment.Telemetry.Collectors, r.plan.Internal
	if _, contained := r.made[collectorName]; contained {
		return r.reconfigureCollector(ctx)
	}
	if own.Nodes != "" {
		return nil
	}
	staying, err := r.simulated(ctx)
	if err != nil {
		return err
	}
	let := func(h collector.Health) bool { return h.MostNodesFollowed <= uint64(len(staying)) }
	r.awaitCollector(ctx, fmt.Sprintf("stop asking %d nodes", len(leaving)), internal["nodeCollectorSelf"], let)
	return nil
}

// simulated are the names of the nodes whose kubelets are to be asked.
func (r *recipe) simulated(ctx context.Context) ([]string, error) {
	config, err := r.restConfig()
	if err != nil {
		return nil, err
	}
	return nodes.Simulated(ctx, config)
}

// reconfigureCollector makes the collector's container follow a change of the
// nodes, and waits until it has; a configuration of the user's is left alone.
func (r *recipe) reconfigureCollector(ctx context.Context) error {
	made, contained := r.made[collectorName]
	if !contained || r.plan.Environment.Telemetry.Collectors.Cluster != "" {
		return nil // others follow the nodes by themselves
	}
	names, err := r.simulated(ctx)
	if err != nil {
		return err
	}
	path := containerCollectorFile(r.folder)
	before, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the collector's configuration: %w", err)
	}
	if err := r.configureCollector(names); err != nil {
		return err
	}
	after, err := os.ReadFile(path)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	asked := time.Now()
	if err := r.containers.engine.Signal(ctx, made.ID(), "HUP"); err != nil {
		return err
	}
	// What runs with the new configuration began after it was asked to.
	again := func(h collector.Health) bool {
		return h.UptimeSeconds > 0 && h.UptimeSeconds < time.Since(asked).Seconds()
	}
	r.awaitCollector(ctx, "read its configuration again", r.plan.Internal["clusterCollectorSelf"], again)
	return nil
}

// awaitCollector waits until what a collector says of itself is as wanted.
func (r *recipe) awaitCollector(ctx context.Context, what string, selfPort int, wanted func(collector.Health) bool) {
	bounded, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	page := "http://" + loopback(selfPort) + "/metrics"
	err := poll(bounded, func() (bool, error) {
		health, err := collector.ReadHealth(bounded, page)
		return err == nil && wanted(health), err
	})
	if err != nil && ctx.Err() == nil {
		slog.Warn("a collector was not seen to "+what, "waited", leaveLimit, "error", err)
	}
}
