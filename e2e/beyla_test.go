//go:build e2e

package e2e

import (
	"archive/tar"
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

// beylaImage is the name of the image that stands for grafana/beyla.
const beylaImage = "diorama-beyla:" + imagesTag

//go:embed beyla.sh
var beylaScript string

// beylaDockerfile is a shell and the script. Root is who runs in Beyla's image.
const beylaDockerfile = `FROM scratch
COPY bin /bin
ENV PATH=/bin
ENTRYPOINT ["/bin/beyla"]
`

// beyla makes sure that the engine has the image.
func (e engine) beyla() {
	e.t.Helper()
	e.check(e.build(beylaImage, e.beylaContext))
}

func (e engine) beylaContext(to io.Writer) error {
	busybox, err := e.busybox()
	if err != nil {
		return err
	}
	archive := tar.NewWriter(to)
	for name, text := range map[string]string{"Dockerfile": beylaDockerfile, "bin/beyla": beylaScript} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			return err
		}
		if _, err := io.WriteString(archive, text); err != nil {
			return err
		}
	}
	if err := addProgram(archive, "bin/busybox", busybox); err != nil {
		return err
	}
	for _, command := range strings.Fields("sh httpd mkdir printf readlink sed sleep tr wget") {
		link := &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + command, Linkname: "busybox"}
		if err := archive.WriteHeader(link); err != nil {
			return err
		}
	}
	return archive.Close()
}

// traced writes an environment file with Beyla of an image.
func (l *lab) traced(e engine, image string) string {
	l.t.Helper()
	path := l.kwok(e, fmt.Sprintf(", beyla: %q", image))
	text, err := os.ReadFile(path)
	e.check(err)
	return l.write("traced.yaml", string(text)+"kwok: {beyla: true}\n")
}

// TestKwokBeyla runs Beyla's stand-in, with the rights that it asks for.
func TestKwokBeyla(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	e.beyla()
	answer := l.command(binary(t, "DIORAMA_BINARY"), "up", "-f", l.traced(e, beylaImage))
	if answer.err != nil || !strings.Contains(answer.stderr, "a privileged container that sees LGTM's processes") {
		t.Fatalf("up says %+v", answer)
	}
	s := l.status()
	lgtm, beyla := e.inspect(s, "lgtm"), e.inspect(s, "beyla")
	host := beyla.HostConfig
	if !host.Privileged || string(host.PidMode) != "container:"+lgtm.ID {
		t.Errorf("Beyla is privileged: %t, and sees the processes of %q", host.Privileged, host.PidMode)
	}
	if lgtm.HostConfig.Privileged {
		t.Error("LGTM is privileged")
	}
	if networks := beyla.NetworkSettings.Networks; len(networks) != 1 || networks["diorama-default"] == nil {
		t.Errorf("Beyla is in the networks %v", networks)
	}
	for port, bindings := range beyla.HostConfig.PortBindings {
		for _, b := range bindings {
			if b.HostIP != "127.0.0.1" {
				t.Errorf("%s is published on %q", port, b.HostIP)
			}
		}
	}
	said := l.diorama("logs", "beyla")
	for _, want := range []string{"port=3000 service=grafana-lgtm", "port=9090", "traces are sent to http://lgtm:4318"} {
		if !strings.Contains(said, want) {
			t.Errorf("Beyla does not say %q:\n%s", want, said)
		}
	}
	// It ends with LGTM, whose processes are gone then, and comes back to the next one.
	e.check(e.ContainerKill(t.Context(), lgtm.ID, "KILL"))
	eventually(t, "Beyla sees the processes of the next LGTM", func() error {
		s := l.status()
		for _, component := range s.Components {
			if component.Phase != "Ready" {
				return fmt.Errorf("%s is %s", component.Name, component.Phase)
			}
		}
		next, again := e.inspect(s, "lgtm"), e.inspect(s, "beyla")
		if next.ID == lgtm.ID || string(again.HostConfig.PidMode) != "container:"+next.ID {
			return fmt.Errorf("LGTM is %s, Beyla sees %s", next.ID, again.HostConfig.PidMode)
		}
		return nil
	})
	l.diorama("down")
}

// An image that cannot be had ends the start, before anything runs.
func TestKwokBeylaWithoutAnImage(t *testing.T) {
	e, l := newEngine(t), newLab(t)
	said := l.dioramaFails("up", "-f", l.traced(e, "localhost:1/none:1"))
	if !strings.Contains(said, "localhost:1/none:1") || !strings.Contains(said, "images.load") {
		t.Errorf("up says:\n%s", said)
	}
}
