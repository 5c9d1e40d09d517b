package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// Save reads images from the engine, as `docker save` writes them. The caller
// closes it.
func (e *Engine) Save(ctx context.Context, images []string) (io.ReadCloser, error) {
	stream, err := e.client.ImageSave(ctx, images)
	if err != nil {
		return nil, explain(err, "reading the images %s", strings.Join(images, ", "))
	}
	return stream, nil
}

// feedSize is how much a command is given at once.
const feedSize = 256 << 10

// Exec runs a command in a container that runs, with what input has as its
// standard input. If it fails, the error has what it said.
func (e *Engine) Exec(ctx context.Context, name string, command []string, input io.Reader) error {
	doing := fmt.Sprintf("running %s in the container %s", command[0], name)
	made, err := e.client.ContainerExecCreate(ctx, name, container.ExecOptions{
		Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	})
	if err != nil {
		return explain(err, "%s", doing)
	}
	attached, err := e.client.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return explain(err, "%s", doing)
	}
	defer context.AfterFunc(ctx, attached.Close)()
	fed := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(attached.Conn, input, make([]byte, feedSize))
		_ = attached.CloseWrite() // a command that has ended reads no more
		fed <- err
	}()
	var said bytes.Buffer
	_, err = stdcopy.StdCopy(&said, &said, attached.Reader)
	// The command has ended: who feeds it is to end, too.
	attached.Close()
	feeding := <-fed
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	if err != nil {
		return explain(err, "%s", doing)
	}
	result, err := e.client.ContainerExecInspect(ctx, made.ID)
	switch {
	case err != nil:
		return explain(err, "%s", doing)
	case result.ExitCode != 0 && feeding != nil:
		return fmt.Errorf("%s: exit code %d, %w: %s", doing, result.ExitCode, feeding, strings.TrimSpace(said.String()))
	case result.ExitCode != 0:
		return fmt.Errorf("%s: exit code %d: %s", doing, result.ExitCode, strings.TrimSpace(said.String()))
	}
	return nil
}
