package environment

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/diorama-lab/diorama/internal/docker"
)

// echo answers each line that it is sent, until its listener is closed.
func echo(t *testing.T) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
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

// On Linux all of 127.0.0.0/8 is loopback: 127.0.0.2 plays the gateway.
func TestForwarder(t *testing.T) {
	port := echo(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	gateway := docker.Network{Name: "n", Gateway: netip.MustParseAddr("127.0.0.2"), Subnet: netip.MustParsePrefix("127.0.0.0/8")}
	f := &forwarder{}
	if err := f.start(gateway, []int{port}); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, port)
	fmt.Fprintln(conn, "hello")
	if line, err := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("got %q, %v", line, err)
	}
	// An end that says no more is told to the other.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(conn); len(rest) > 0 || err != nil {
		t.Errorf("after the end came %q, %v", rest, err)
	}
	busy := dial(t, port)
	f.close()
	f.close()
	if _, err := busy.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the forwarder")
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.2:%d", port)); err == nil {
		t.Error("the gateway still listens")
	}
}

func TestForwarderRefusesOthers(t *testing.T) {
	port := echo(t)
	f := &forwarder{}
	defer f.close()
	network := docker.Network{Name: "n", Gateway: netip.MustParseAddr("127.0.0.2"), Subnet: netip.MustParsePrefix("172.18.0.0/16")}
	if err := f.start(network, []int{port}); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, port)
	fmt.Fprintln(conn, "hello")
	if n, err := conn.Read(make([]byte, 9)); n > 0 || errors.Is(err, net.ErrClosed) {
		t.Errorf("somebody outside the network got %d bytes, %v", n, err)
	}
	if err := (&forwarder{}).start(network, []int{port}); err == nil {
		t.Error("a port that is taken is taken again")
	}
}

// Where the engine leads containers to loopback by itself nothing listens.
func TestForwarderWithoutGateway(t *testing.T) {
	f := &forwarder{}
	if err := f.start(docker.Network{}, []int{1}); err != nil || len(f.listeners) > 0 {
		t.Errorf("listens on %v, %v", f.listeners, err)
	}
	f.close()
}
