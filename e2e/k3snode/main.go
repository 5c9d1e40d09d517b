// Command k3snode stands for k3s in the node image that the end-to-end tests
// give to k3d: `k3s server` is diorama's embedded environment, its control
// plane, simulated nodes and backend, and `k3s agent` one simulated node more.
// It does, and says in its log, what k3d waits for; no pod ever runs in it.
//
// The image has it under several names, as k3s' own has: see run.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, filepath.Base(os.Args[0]), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "the stand-in for k3s:", err)
		os.Exit(1)
	}
}

// run does what the program of that name does.
func run(ctx context.Context, name string, args []string) error {
	switch name {
	case "iptables-save":
		return nil
	case "iptables-restore":
		// k3d sends pods' DNS queries to the network's gateway; here are no pods.
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	if name == "ctr" {
		return importImages(args, os.Stdin)
	}
	server := os.Getenv("K3S_URL")
	switch command := strings.Join(args[:min(1, len(args))], ""); {
	case command == "server" && server == "":
		return serve(ctx)
	case command == "server":
		return join(ctx, server, true)
	case command == "agent":
		return join(ctx, server, false)
	default:
		return fmt.Errorf("%s has no %q; it has server and agent", name, command)
	}
}
