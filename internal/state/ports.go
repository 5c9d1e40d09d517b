package state

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/diorama-lab/diorama/api/v1alpha1"
	"github.com/diorama-lab/diorama/internal/loopback"
)

// CheckPort returns an error that names who holds the loopback port.
func CheckPort(name string, port int) error {
	listener, err := net.Listen("tcp", loopback.Address(port))
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

// Ports are loopback ports that were picked. Until they are released no other diorama
// of this machine, whoever's it is, picks one of them: each is held by the UDP port of
// its number, which nobody uses. So they are free for TCP, and the kernel gives them
// back when the process ends. The zero value holds none.
type Ports struct{ held []net.PacketConn }

// Pick returns n different ports that are free now, none of them one of those given
// or one that an environment has recorded, though it may be down. Those given are held
// too.
func (p *Ports) Pick(n int, given []v1alpha1.NamedPort) ([]int, error) {
	candidates := rand.Perm(highestFree - lowestFree)
	for i := range candidates {
		candidates[i] += lowestFree
	}
	return p.pickOf(candidates, n, given)
}

func (p *Ports) pickOf(candidates []int, n int, given []v1alpha1.NamedPort) ([]int, error) {
	taken, err := recordedPorts()
	if err != nil {
		return nil, err
	}
	for _, port := range given {
		taken[port.Number] = true
		if port.Number >= lowestFree && port.Number < highestFree {
			// One that cannot be held is the user's choice all the same.
			p.hold(port.Number)
		}
	}
	ports := make([]int, 0, n)
	for _, port := range candidates {
		if len(ports) < n && !taken[port] && isFree(port) && p.hold(port) {
			ports = append(ports, port)
		}
	}
	if len(ports) == n {
		return ports, nil
	}
	return nil, fmt.Errorf("finding %d free ports between %d and %d: there are only %d",
		n, lowestFree, highestFree, len(ports))
}

// Release lets others pick the ports.
func (p *Ports) Release() error {
	var problems []error
	for _, conn := range p.held {
		problems = append(problems, conn.Close())
	}
	p.held = nil
	return errors.Join(problems...)
}

// hold holds a port, unless another diorama does.
func (p *Ports) hold(port int) bool {
	conn, err := net.ListenPacket("udp", loopback.Address(port))
	if err != nil {
		return false
	}
	p.held = append(p.held, conn)
	return true
}

func isFree(port int) bool {
	listener, err := net.Listen("tcp", loopback.Address(port))
	return err == nil && listener.Close() == nil
}

// recordedPorts are those of all environments in this place.
func recordedPorts() (map[int]bool, error) {
	folders, err := List()
	if err != nil {
		return nil, err
	}
	recorded := map[int]bool{}
	for _, folder := range folders {
		// What cannot be read has no ports to respect.
		record, _ := folder.record()
		for _, port := range record.Environment.Ports.List() {
			recorded[port.Number] = true
		}
		for _, port := range record.Internal {
			recorded[port] = true
		}
	}
	return recorded, nil
}
