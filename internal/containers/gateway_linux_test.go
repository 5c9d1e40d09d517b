package containers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/docker"
)

// echo answers each line that it is sent, until its listener is closed.
func echo(t *testing.T, address string) (port int) {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(address, "0.0.0.0:") {
		network = "tcp4"
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// dial connects and gives the connection a time after which it fails.
func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// gateway is what an address of this machine is to a network. On Linux all of
// 127.0.0.0/8 is loopback: 127.0.0.2 plays the gateway.
func gateway(subnet string) docker.Network {
	return docker.Network{Name: "n", Gateway: netip.MustParseAddr("127.0.0.2"), Subnet: netip.MustParsePrefix(subnet)}
}

func at(port int) Target { return Target{Address: fmt.Sprintf("127.0.0.1:%d", port)} }

func TestForwarder(t *testing.T) {
	port := echo(t, "127.0.0.1:0")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := &Gateway{}
	if ports, err := f.Open(gateway("127.0.0.0/8"), at(port)); err != nil || ports[0] != port {
		t.Fatalf("it forwards there from %v, %v; want %d", ports, err, port)
	}
	conn := dial(t, port)
	checkEcho(t, conn)
	// An end that says no more is passed on to the other.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
		t.Errorf("after the end came %q, %v", rest, err)
	}
	busy := dial(t, port)
	f.Close()
	f.Close()
	if _, err := busy.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the Gateway")
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.2:%d", port)); err == nil {
		t.Error("the gateway still listens")
	}
}

func checkEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	fmt.Fprintln(conn, "hello")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// What listens on all addresses has taken the port of the gateway, too.
func TestForwarderToAllAddresses(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0"} {
		port := echo(t, address)
		f := &Gateway{}
		ports, err := f.Open(gateway("127.0.0.0/8"), at(port), at(echo(t, "127.0.0.1:0")))
		if err != nil || ports[0] == port || ports[0] == 0 {
			t.Fatalf("to %s it forwards from %v, %v", address, ports, err)
		}
		for i, port := range ports {
			if where := f.listeners[i].Addr().String(); where != fmt.Sprintf("127.0.0.2:%d", port) {
				t.Errorf("it listens on %s", where)
			}
			checkEcho(t, dial(t, port))
		}
		f.Close()
		named := Target{Address: fmt.Sprintf("127.0.0.1:%d", port), SamePort: true}
		if _, err := f.Open(gateway("127.0.0.0/8"), named); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a port that somebody knows by its number: %v", err)
		}
		f.Close()
	}
}

// Loopback has more than one address.
func TestForwarderToOtherLoopback(t *testing.T) {
	for _, host := range []string{"127.0.1.1", "[::1]"} {
		port := echo(t, host+":0")
		f := &Gateway{}
		ports, err := f.Open(gateway("127.0.0.0/8"), Target{Address: fmt.Sprintf("%s:%d", host, port)})
		if err != nil {
			t.Fatal(err)
		}
		checkEcho(t, dial(t, ports[0]))
		f.Close()
	}
}

func TestForwarderRefusesOthers(t *testing.T) {
	port := echo(t, "127.0.0.1:0")
	f := &Gateway{}
	defer f.Close()
	if _, err := f.Open(gateway("172.18.0.0/16"), at(port)); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, port)
	fmt.Fprintln(conn, "hello")
	if n, err := conn.Read(make([]byte, 9)); n > 0 || errors.Is(err, net.ErrClosed) {
		t.Errorf("somebody outside the network got %d bytes, %v", n, err)
	}
	for _, bad := range []string{"127.0.0.1", "127.0.0.1:nonsense"} {
		if _, err := (&Gateway{}).Open(gateway("127.0.0.0/8"), Target{Address: bad}); err == nil {
			t.Errorf("%s is a target", bad)
		}
	}
}

// Where the engine takes containers to loopback by itself nothing listens.
func TestForwarderWithoutGateway(t *testing.T) {
	f := &Gateway{}
	ports, err := f.Open(docker.Network{}, Target{Address: "localhost:https"}, at(7))
	if err != nil || len(f.listeners) > 0 || !slices.Equal(ports, []int{443, 7}) {
		t.Errorf("listens on %v, reached at %v, %v", f.listeners, ports, err)
	}
	f.Close()
}
