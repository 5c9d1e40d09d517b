package portforward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/spdystream"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/httpstream/spdy"
	"k8s.io/client-go/rest"
	clientportforward "k8s.io/client-go/tools/portforward"
)

const (
	// replyPoll is how often it is looked whether a connection still lives while
	// the reply to a new stream is waited for.
	replyPoll = 100 * time.Millisecond
	// complaintLimit is how long a complaint is waited for after the end of the
	// data. The kubelet ends both streams at once.
	complaintLimit = time.Second
	// complaintSize bounds a complaint, in bytes.
	complaintSize = 4096
	// farewell is how long a client may take to read the last it was sent.
	farewell = 5 * time.Second
)

// dialer opens connections to pods through the API server.
//
// The dialers of client-go take no context and wait long for a server that does
// not answer; a Forwarder must end at once. So this is an ordinary request.
type dialer struct {
	http *http.Client
	api  rest.Interface
}

// connection is one to the API server, for one pair of streams.
type connection struct {
	body   io.ReadWriteCloser
	spdy   *spdystream.Connection
	served chan struct{} // closed when spdy has ended

	data, errors *spdystream.Stream

	// closing says that it is us who ended it.
	closing atomic.Bool
}

// upgraded is the connection of a response: its addresses and deadlines are
// the network connection's, its bytes come by the response's body.
type upgraded struct {
	net.Conn
	body io.ReadWriteCloser
}

func (u upgraded) Read(p []byte) (int, error)  { return u.body.Read(p) }
func (u upgraded) Write(p []byte) (int, error) { return u.body.Write(p) }
func (u upgraded) Close() error                { return u.body.Close() }

// dial asks the API server for a connection to a pod, without streams.
func (d dialer) dial(ctx context.Context, to destination) (*connection, error) {
	var network net.Conn
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { network = got.Conn },
	})
	url := d.api.Post().Namespace(to.namespace).Resource("pods").Name(to.pod).SubResource("portforward").URL()
	request, err := http.NewRequestWithContext(traced, http.MethodPost, url.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	request.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	request.Header.Set(httpstream.HeaderProtocolVersion, clientportforward.PortForwardProtocolV1Name)
	response, err := d.http.Do(request)
	if err != nil {
		return nil, err
	}
	body, writable := response.Body.(io.ReadWriteCloser)
	if response.StatusCode != http.StatusSwitchingProtocols || !writable {
		defer response.Body.Close()
		return nil, refusal(response)
	}
	c := &connection{body: body, served: make(chan struct{})}
	if got := response.Header.Get(httpstream.HeaderProtocolVersion); got != clientportforward.PortForwardProtocolV1Name {
		_ = body.Close()
		return nil, fmt.Errorf("the API server speaks the protocol %q, not %s", got,
			clientportforward.PortForwardProtocolV1Name)
	}
	if c.spdy, err = spdystream.NewConnection(upgraded{network, body}, false); err != nil {
		_ = body.Close()
		return nil, err
	}
	go func() {
		defer close(c.served)
		c.spdy.Serve(func(s *spdystream.Stream) { _ = s.Reset() }) // the other side has none to open
	}()
	return c, nil
}

// refusal is why a request was not upgraded.
func refusal(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("the API server answers %s: %w", response.Status, err)
	}
	var status metav1.Status
	if json.Unmarshal(text, &status) == nil && status.Message != "" {
		return &apierrors.StatusError{ErrStatus: status}
	}
	return fmt.Errorf("the API server answers %s: %s", response.Status, strings.TrimSpace(string(text)))
}

// open opens the pair of streams on a connection of its own.
func (d dialer) open(ctx context.Context, to destination) (*connection, error) {
	c, err := d.dial(ctx, to)
	if err != nil {
		return nil, err
	}
	c.errors, err = c.stream(ctx, corev1.StreamTypeError, to.port)
	if err == nil {
		// Nothing is sent on it.
		err = c.errors.Close()
	}
	if err == nil {
		c.data, err = c.stream(ctx, corev1.StreamTypeData, to.port)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// stream opens a stream and waits for the reply.
func (c *connection) stream(ctx context.Context, kind string, port int) (*spdystream.Stream, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, kind)
	headers.Set(corev1.PortHeader, strconv.Itoa(port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	stream, err := c.spdy.CreateStream(headers, nil, false)
	if err != nil {
		return nil, fmt.Errorf("opening the %s stream: %w", kind, err)
	}
	for {
		err := stream.WaitTimeout(replyPoll)
		switch {
		case err == nil:
			return stream, nil
		case !errors.Is(err, spdystream.ErrTimeout):
			err = fmt.Errorf("opening the %s stream: %w", kind, err)
		case ctx.Err() != nil:
			err = fmt.Errorf("waiting for the %s stream: %w", kind, ctx.Err())
		case c.lost():
			err = errLost
		default:
			continue
		}
		_ = stream.Reset() // it is given up in any case
		return nil, err
	}
}

var errLost = errors.New("the connection to the API server was lost")

// lost says whether the other side has ended the connection.
func (c *connection) lost() bool {
	select {
	case <-c.spdy.CloseChan():
		return !c.closing.Load()
	default:
		return false
	}
}

// close ends the connection at once, and returns when all that served it has
// ended. The network connection goes first: nothing can hold that up.
func (c *connection) close() {
	c.closing.Store(true)
	_ = c.body.Close()
	for _, stream := range []*spdystream.Stream{c.data, c.errors} {
		if stream != nil {
			_ = stream.Reset() // it frees who delivers data that nobody reads
		}
	}
	<-c.served
}

// exchange copies both ways until the pod's side has said all, or one side has
// gone, and closes both. It returns an error when the pod's side broke off.
func (c *connection) exchange(client *net.TCPConn) error {
	complaint := make(chan error, 1)
	var copying sync.WaitGroup
	copying.Go(func() { complaint <- c.complaint() })
	copying.Go(func() { c.send(client) })
	defer copying.Wait()
	defer client.Close()
	defer c.close()
	if _, err := io.Copy(client, c.data); err != nil {
		return nil // the client has gone: that is its right
	}
	timer := time.NewTimer(complaintLimit)
	defer timer.Stop()
	var err error
	select {
	case err = <-complaint:
	case <-timer.C:
	}
	if err == nil && c.lost() {
		err = errLost
	}
	if err != nil || c.closing.Load() {
		reset(client)
		return err
	}
	// Closing would reset the connection while there is something to read from
	// the client, and what it was sent last could be lost to it.
	if client.CloseWrite() == nil && client.SetReadDeadline(time.Now().Add(farewell)) == nil {
		c.close()
		copying.Wait()
	}
	return nil
}

// send copies what the client says. When the pod's side takes no more, the rest
// is read and dropped, until the client has closed or exchange ends it.
func (c *connection) send(client *net.TCPConn) {
	if _, err := io.Copy(c.data, client); err == nil {
		_ = c.data.Close() // where this fails, exchange sees the end
		return
	}
	_, _ = io.Copy(io.Discard, client)
	c.close()
}

// complaint is what the other side has to say against the connection.
func (c *connection) complaint() error {
	text, err := io.ReadAll(io.LimitReader(c.errors, complaintSize))
	if err != nil {
		return fmt.Errorf("reading the error stream: %w", err)
	}
	if len(text) > 0 {
		return errors.New(strings.TrimSpace(string(text)))
	}
	return nil
}
