// Package docker holds the few Docker calls that the kinds of environment
// need: an engine, the images, networks, volumes and containers of one owner,
// and errors that say what to do. It knows nothing of environments.
package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
)

// oldestAPI is that of Docker 20.10, the first whose networks know
// host-gateway. https://docs.docker.com/reference/api/engine/version-history/
const (
	oldestAPI     = "1.41"
	oldestVersion = "20.10"
)

// answerLimit is how long an engine may take to say that it is there.
const answerLimit = 5 * time.Second

// makeLimit is how long an engine may take to make something.
const makeLimit = time.Minute

// uncut returns a context for what an engine makes: a request that is given up
// midway is carried out all the same, after whoever cleans up has looked.
func uncut(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), makeLimit)
}

// Engine is a container engine that speaks Docker's API.
type Engine struct {
	client   *client.Client
	endpoint Endpoint
	// rootless engines show the user to containers as root.
	rootless bool
	// virtual engines run in a virtual machine of this machine, and
	// forward HostName to this machine's loopback by themselves.
	virtual bool
	// Version is the engine's own, such as 28.2.2.
	Version string
}

// Connect finds the engine that the docker command would use and checks that
// it can be used.
func Connect(ctx context.Context) (*Engine, error) {
	endpoint, err := FindEndpoint()
	if err != nil {
		return nil, err
	}
	return connect(ctx, endpoint)
}

func connect(ctx context.Context, endpoint Endpoint) (*Engine, error) {
	if err := endpoint.check(); err != nil {
		return nil, err
	}
	c, err := client.NewClientWithOpts(client.WithHost(endpoint.Host), client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("using the Docker engine at %s: %w", endpoint, err)
	}
	e := &Engine{client: c, endpoint: endpoint}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if err := e.introduce(ctx); err != nil {
		_ = c.Close() // nothing was asked that could be lost
		return nil, err
	}
	return e, nil
}

// introduce asks the engine who it is.
func (e *Engine) introduce(ctx context.Context) error {
	version, err := e.client.ServerVersion(ctx)
	if err != nil {
		return e.endpoint.unreachable(err)
	}
	e.Version = version.Version
	if versions.LessThan(version.APIVersion, oldestAPI) {
		return &Error{
			Doing: "using the Docker engine at " + e.endpoint.String(),
			Cause: fmt.Errorf("version %s (API %s) is too old", version.Version, version.APIVersion),
			Hint:  "install Docker " + oldestVersion + " or newer",
		}
	}
	info, err := e.client.Info(ctx)
	if err != nil {
		return e.endpoint.unreachable(err)
	}
	if info.OSType != "linux" {
		return &Error{
			Doing: "using the Docker engine at " + e.endpoint.String(),
			Cause: fmt.Errorf("it runs %s containers", info.OSType),
			Hint:  "switch it to Linux containers",
		}
	}
	e.rootless = slices.ContainsFunc(info.SecurityOptions,
		func(o string) bool { return strings.HasPrefix(o, "name=rootless") })
	e.virtual = virtualMachine(info.OperatingSystem)
	return nil
}

// Close ends the connection to the engine.
func (e *Engine) Close() error { return e.client.Close() }
