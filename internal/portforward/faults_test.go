package portforward

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// chatter is a program that says 64 MB at once, or echoes where it hears e.
func chatter(conn *net.TCPConn) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(conn, first); err != nil {
		return
	}
	if first[0] == 'e' {
		echo(conn)
		return
	}
	_, _ = io.Copy(conn, bytes.NewReader(make([]byte, 64<<20)))
}

func TestStuckClientBlocksNoOther(t *testing.T) {
	l := newLab(t)
	l.add("a", true, chatter)
	f := l.forward()
	for range 3 {
		stuck := dial(t, f)
		if _, err := stuck.Write([]byte("m")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stuck, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		mustAsk(t, f, "exyz", "xyz")
	}
	ended := make(chan struct{})
	go func() { f.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(deadline):
		t.Fatal("stuck clients hold Close up")
	}
}

// What ends in the middle must not look like what has ended.
func TestAPIServerBreaksOff(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	f := l.forward()
	conn := dial(t, f)
	converse(t, conn)
	l.cutUpgraded()
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection that was broken off ends with %v", err)
	}
	eventually(t, func() string {
		if s := f.Status()[0]; !strings.HasSuffix(s.LastError, errLost.Error()) {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
	converse(t, dial(t, f))
}

func TestAPIServerComesBack(t *testing.T) {
	l := newLab(t)
	l.add("a", true, says("a"))
	f := l.forward()
	mustAsk(t, f, "x", "a:x")
	l.change(func() { l.down = true })
	l.api.CloseClientConnections()
	conn := dial(t, f) // it waits
	eventually(t, func() string {
		if s := f.Status()[0]; s.LastError == "" {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
	l.remove("a")
	l.add("b", true, says("b"))
	l.change(func() { l.down = false })
	if got, err := over(conn, "x"); err != nil || got != "b:x" {
		t.Fatalf("got %q, %v", got, err)
	}
	moved(t, f, 1)
}

// A pod may be gone before the API server says that it is.
func TestAvoidsPodThatCannotBeReached(t *testing.T) {
	l := newLab(t)
	l.add("a", true, says("a"))
	l.add("b", true, says("b"))
	l.change(func() { l.pods["a"].unknown = true })
	f := l.forward()
	mustAsk(t, f, "x", "b:x")
	moved(t, f, 1)
	if s := f.Status()[0]; !strings.Contains(s.LastError, `reaching the port 8080 of the pod lab/a: pods "a" not found`) {
		t.Errorf("the status is %+v", s)
	}
}

func TestCloseEndsAttempts(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	stuck := make(chan struct{})
	defer close(stuck)
	l.change(func() { l.stuck = stuck })
	f := l.forward(func(f *Forwarder) { f.routes[0].patience = deadline })
	conn := dial(t, f)
	eventually(t, func() string {
		if l.counted("stuck") == 0 {
			return "nothing is stuck"
		}
		return ""
	})
	f.Close()
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client's connection ends with %v", err)
	}
	if _, err := net.Dial("tcp", conn.RemoteAddr().String()); err == nil {
		t.Error("the port is still open")
	}
	f.Close()
	if err := f.Start(t.Context()); err == nil {
		t.Error("it starts again after its end")
	}
}
