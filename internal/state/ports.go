package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

// CheckPort returns an error that names who holds the loopback port.
func CheckPort(name string, port int) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		return listener.Close()
	}
	if errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("port %d (%s) may not be used by this user; choose one above 1023", port, name)
	}
	return fmt.Errorf("port %d (%s) is in use%s; end it, set another port in the environment file, or use --ports auto",
		port, name, holder(port))
}

// holder says who listens on a port, as far as this user may see it.
func holder(port int) string {
	connections, err := gopsnet.Connections("tcp")
	if err != nil {
		return ""
	}
	for _, c := range connections {
		if c.Status != "LISTEN" || c.Laddr.Port != uint32(port) || c.Pid == 0 {
			continue
		}
		p, err := process.NewProcess(c.Pid)
		if err != nil {
			continue
		}
		if name, err := p.Name(); err == nil {
			return fmt.Sprintf(" by %s (pid %d)", name, c.Pid)
		}
	}
	return " by a process of another user"
}

// Ports are picked below the range from which Linux and macOS take the ports
// of outgoing connections, so that none of those gets in between.
const (
	lowestFree  = 20000
	highestFree = 32000
)

// FreePorts returns n different loopback ports that are free now.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for _, offset := range rand.Perm(highestFree - lowestFree) {
		if len(ports) == n {
			return ports, nil
		}
		port := lowestFree + offset
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return nil, fmt.Errorf("trying port %d: %w", port, err)
		}
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("finding %d free ports between %d and %d: there are only %d",
		n, lowestFree, highestFree, len(ports))
}
