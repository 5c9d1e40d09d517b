package portforward

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// says returns a program that reads all and answers with its name and that.
func says(name string) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		heard, err := io.ReadAll(conn)
		if err == nil {
			_, _ = fmt.Fprintf(conn, "%s:%s", name, heard)
		}
	}
}

// echo is a program that says all that it hears, at once.
func echo(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) }

// ask says something over a new connection, and returns the answer. That the
// connection was reset may show as early as when it is made.
func ask(t *testing.T, f *Forwarder, text string) (string, error) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Status()[0].Host))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		return "", err
	}
	return over(conn.(*net.TCPConn), text)
}

// refused says whether a connection was reset, whenever that was.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOTCONN)
}

func over(conn *net.TCPConn, text string) (string, error) {
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	if err := conn.CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func mustAsk(t *testing.T, f *Forwarder, text, want string) {
	t.Helper()
	if got, err := ask(t, f, text); err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

// converse sends a byte to an echo and gets it back.
func converse(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

func TestForward(t *testing.T) {
	l := newLab(t)
	l.add("a", true, says("a"))
	f := l.forward()
	if err := f.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAsk(t, f, "hello", "a:hello")
	big := strings.Repeat("0123456789abcdef", 1<<18) // far more than is buffered on the way
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			if got, err := ask(t, f, big); err != nil || got != "a:"+big {
				t.Errorf("of %d bytes %d came back: %v", len(big)+2, len(got), err)
			}
		})
	}
	asking.Wait()
	eventually(t, func() string {
		if s := f.Status()[0]; s.Pod != "a" || s.Moves != 0 || s.Connections != 0 || s.LastError != "" {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
}

// Servers that close first have said all, whatever the client still has to say.
func TestServerClosesFirst(t *testing.T) {
	l := newLab(t)
	l.add("a", true, func(conn *net.TCPConn) {
		_, _ = io.ReadFull(conn, make([]byte, 1))
		_, _ = io.WriteString(conn, "enough")
	})
	f := l.forward()
	conn := dial(t, f)
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "enough" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestPodMoves(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	f := l.forward()
	conn := dial(t, f)
	converse(t, conn)
	l.add("b", true, says("b"))
	converse(t, conn) // that another one is there too changes nothing
	l.remove("a")
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection to a pod that has gone ends with %v", err)
	}
	mustAsk(t, f, "x", "b:x")
	moved(t, f, 1)
	// A StatefulSet's pod comes back with its name.
	l.remove("b")
	l.add("b", true, says("another b"))
	moved(t, f, 2)
	mustAsk(t, f, "x", "another b:x")
}

// moved waits until connections are forwarded to the pod b, after so many moves.
func moved(t *testing.T, f *Forwarder, moves int) {
	t.Helper()
	eventually(t, func() string {
		if s := f.Status()[0]; s.Pod != "b" || s.Moves != moves {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
}

// A node that has died says nothing more: when its pods are forgotten, so are
// connections to them.
func TestPodForgotten(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	f := l.forward()
	conn := dial(t, f)
	converse(t, conn)
	var lost *labPod
	l.change(func() { lost = l.pods["a"]; delete(l.pods, "a") })
	t.Cleanup(func() { lost.kill(); _ = lost.listener.Close(); lost.serving.Wait() })
	if _, err := io.ReadAll(conn); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ends with %v", err)
	}
}

func TestNotReady(t *testing.T) {
	l := newLab(t)
	l.add("a", false, says("a"))
	f := l.forward()
	conn := dial(t, f) // it waits
	eventually(t, func() string {
		if s := f.Status()[0]; s.Pod != "" || s.Connections != 1 ||
			s.LastError != "of the 1 pods behind the Service lab/web none is Ready" {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
	l.change(func() { l.pods["a"].ready = true })
	if got, err := over(conn, "x"); err != nil || got != "a:x" {
		t.Fatalf("got %q, %v", got, err)
	}
	// Connections to a pod that is there but not Ready go on.
	l.add("b", true, echo)
	l.change(func() { l.pods["a"].ready = false })
	eventually(t, func() string {
		if s := f.Status()[0]; s.Pod != "b" {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
	conn = dial(t, f)
	converse(t, conn)
	l.change(func() { l.pods["b"].ready = false })
	eventually(t, func() string { return f.Status()[0].Pod })
	converse(t, conn)
}

func TestWaitsNoLonger(t *testing.T) {
	l := newLab(t)
	f := l.forward(func(f *Forwarder) { f.routes[0].patience = time.Millisecond })
	if _, err := ask(t, f, "x"); !refused(err) {
		t.Errorf("without pods a connection ends with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	eventually(t, func() string {
		if err := f.Ready(ctx); err == nil ||
			!strings.HasSuffix(err.Error(), "to the port 80 of the Service lab/web: no pods are behind the Service lab/web") {
			return fmt.Sprintf("not ready because %v", err)
		}
		return ""
	})
}

func TestNoSuchPort(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	f := l.forward(func(f *Forwarder) { f.routes[0].target.Port = 81 })
	eventually(t, func() string {
		if s := f.Status()[0]; s.LastError != "the Service lab/web has no port 81, but 80" {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
}

func TestPodDoesNotListen(t *testing.T) {
	l := newLab(t)
	l.add("a", true, echo)
	f := l.forward()
	busy := dial(t, f)
	converse(t, busy)
	l.change(func() { l.pods["a"].mute = true })
	if _, err := ask(t, f, "x"); !refused(err) {
		t.Errorf("a connection to a port where nothing listens ends with %v", err)
	}
	eventually(t, func() string {
		if s := f.Status()[0]; !strings.Contains(s.LastError, "a connection to the port 8080 of the pod lab/a: ") ||
			!strings.Contains(s.LastError, "connection refused") {
			return fmt.Sprintf("the status is %+v", s)
		}
		return ""
	})
	converse(t, busy)
}

func TestTakenPort(t *testing.T) {
	l := newLab(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	f, err := New(l.config(), []Target{{Namespace: namespace, Service: serviceName, Port: servicePort},
		{Host: port, Namespace: namespace, Service: serviceName, Port: servicePort}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = f.Start(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) ||
		!strings.Contains(err.Error(), fmt.Sprintf("the port %d of 127.0.0.1", port)) {
		t.Errorf("a taken port is %v", err)
	}
	if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Status()[0].Host)); err == nil {
		_ = conn.Close()
		t.Error("the other port is still open")
	}
}

func TestNewRefuses(t *testing.T) {
	l := newLab(t)
	for want, target := range map[string]Target{
		"name a Service":    {Port: 80, Namespace: "x"},
		"70000 is no port":  {Host: 70000, Port: 80, Namespace: "x", Service: "y"},
		": 0 is no port":    {Namespace: "x", Service: "y"},
		"the port 1 to the": {Host: 1, Namespace: "x", Service: "y"},
	} {
		if _, err := New(l.config(), []Target{target}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v is %v, want an error with %s", target, err, want)
		}
	}
}
