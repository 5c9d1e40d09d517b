package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/client"
)

// Endpoint is where an engine listens, and who said so.
type Endpoint struct {
	// Host is a URL such as unix:///var/run/docker.sock.
	Host string
	// From says where Host was found: DOCKER_HOST, a context's name, or
	// nothing for the default.
	From string
}

// String names the endpoint to people.
func (p Endpoint) String() string {
	if p.From == "" {
		return p.Host
	}
	return p.Host + " (from " + p.From + ")"
}

// FindEndpoint chooses the engine as the docker command does: DOCKER_HOST,
// else the context of DOCKER_CONTEXT or of its configuration file, else the
// default socket.
func FindEndpoint() (Endpoint, error) {
	if host := os.Getenv(client.EnvOverrideHost); host != "" {
		return Endpoint{Host: host, From: client.EnvOverrideHost}, nil
	}
	folder, err := configFolder()
	if err != nil {
		return Endpoint{}, err
	}
	name, err := currentContext(folder)
	if err != nil {
		return Endpoint{}, err
	}
	if name == "" || name == "default" {
		return Endpoint{Host: client.DefaultDockerHost}, nil
	}
	host, err := contextHost(folder, name)
	if err != nil {
		return Endpoint{}, &Error{
			Doing: fmt.Sprintf("reading the Docker context %q", name), Cause: err,
			Hint: "`docker context ls` shows those that exist, `docker context use default` picks the local engine",
		}
	}
	return Endpoint{Host: host, From: fmt.Sprintf("context %q", name)}, nil
}

func configFolder() (string, error) {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding Docker's configuration; set DOCKER_CONFIG: %w", err)
	}
	return filepath.Join(home, ".docker"), nil
}

func currentContext(folder string) (string, error) {
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" {
		return name, nil
	}
	var config struct{ CurrentContext string }
	err := readJSON(filepath.Join(folder, "config.json"), &config)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return config.CurrentContext, err
}

// contextHost reads where a context's engine listens. Contexts lie in folders
// that are named after the SHA-256 of their name.
func contextHost(folder, name string) (string, error) {
	id := sha256.Sum256([]byte(name))
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	err := readJSON(filepath.Join(folder, "contexts", "meta", hex.EncodeToString(id[:]), "meta.json"), &meta)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("there is none of that name")
	}
	if err != nil {
		return "", err
	}
	host := meta.Endpoints["docker"].Host
	if host == "" {
		return "", errors.New("it names no engine")
	}
	return host, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// local returns how to dial an endpoint of this machine: a socket, or a port
// of loopback without TLS.
func (p Endpoint) local() (network, address string, ok bool) {
	host, err := client.ParseHostURL(p.Host)
	switch {
	case err != nil:
		return "", "", false
	case host.Scheme == "unix":
		return "unix", host.Host, true
	case host.Scheme == "tcp" && (host.Hostname() == "localhost" || net.ParseIP(host.Hostname()).IsLoopback()):
		return "tcp", host.Host, true
	}
	return "", "", false
}

// check says what keeps this user from the engine, before anything is asked
// of it.
func (p Endpoint) check() error {
	network, address, local := p.local()
	if !local {
		// Containers have to reach this machine: diorama's API server is here.
		return &Error{
			Doing: "using the Docker engine at " + p.String(),
			Cause: errors.New("it is not on this machine, as far as its address shows: containers there cannot reach " +
				"the cluster, which is here"),
			Hint: "use a local engine: unset DOCKER_HOST, or `docker context use default`",
		}
	}
	conn, err := net.DialTimeout(network, address, answerLimit)
	if err != nil {
		return p.unreachable(err)
	}
	return conn.Close()
}

// unreachable explains why the engine does not answer.
func (p Endpoint) unreachable(err error) error {
	e := &Error{Doing: "connecting to the Docker engine at " + p.String(), Cause: err}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Cause = errors.New("this user may not use its socket")
		e.Hint = "add the user to the group that owns it (`sudo usermod -aG docker $USER`, then log in again)"
	case errors.Is(err, fs.ErrNotExist) && p.From == "" && !installed():
		e.Cause = errors.New("no Docker engine is installed")
		e.Hint = "install it (https://docs.docker.com/engine/install), " +
			"or bring up the kind `embedded`, which needs no Docker"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		e.Cause = errors.New("the engine does not run")
		e.Hint = startHint()
	case errors.As(err, &timeout) && timeout.Timeout():
		e.Cause = fmt.Errorf("it did not answer within %s", answerLimit.Round(time.Second))
		e.Hint = "see whether `docker info` answers; restart the engine if it does not"
	}
	return e
}

// installed tells whether there is an engine that could be started.
func installed() bool {
	for _, name := range []string{"dockerd", "docker"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

func startHint() string {
	if runtime.GOOS == "darwin" {
		return "start Docker Desktop (or what you have in its place), or bring up the kind `embedded`, which needs no Docker"
	}
	return "start it (`sudo systemctl start docker`), or bring up the kind `embedded`, which needs no Docker; " +
		"if another one runs, DOCKER_HOST or `docker context use` picks it"
}

// virtualMachine tells whether an engine on this machine's socket lives in a
// virtual machine: on macOS all do; Docker Desktop does everywhere.
func virtualMachine(operatingSystem string) bool {
	return runtime.GOOS == "darwin" || strings.Contains(operatingSystem, "Docker Desktop")
}
