//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// path is one in the environment's folder.
func (c *course) path(elem ...string) string {
	return filepath.Join(append([]string{c.home, "state", "default"}, elem...)...)
}

// stopped takes the environment down, keeping its data.
func (c *course) stopped() { c.diorama("down", "--keep-data") }

// change rewrites the files that a pattern names.
func (c *course) change(pattern string, change func(data []byte) []byte) {
	c.t.Helper()
	files, err := filepath.Glob(c.path(pattern))
	if err != nil || len(files) == 0 {
		c.t.Fatalf("%s: %q, %v", pattern, files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, change(data), 0o600)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}

// flipped has three other bytes in it.
func flipped(data []byte) []byte {
	at := len(bytes.TrimRight(data, "\x00")) / 3
	for i := range 3 {
		data[at+i] ^= 0xff
	}
	return data
}

// beginFlipped has other first pages: those of a database say what it is.
func beginFlipped(data []byte) []byte {
	for i := range min(len(data), 8192) {
		data[i] ^= 0xff
	}
	return data
}

func halved(data []byte) []byte { return data[:len(bytes.TrimRight(data, "\x00"))/2] }

func garbage([]byte) []byte { return []byte("{]") }

// etcdDamaged is data of etcd that it cannot read: up says what to do, and that helps.
func etcdDamaged(name, pattern string, damage func([]byte) []byte, short bool) fault {
	return fault{name: name, short: short, happens: func(c *course) {
		c.stopped()
		c.change(pattern, damage)
		etcd := c.path("data", "etcd")
		c.upSays("the cluster's data cannot be read", "`mv "+etcd+" "+etcd+".damaged`")
		if s := c.status(); strings.Contains(s.Message, "\n") || !strings.Contains(s.Message, "cannot be read") {
			c.untold = append(c.untold, "status says "+s.Message)
		}
		if err := os.Rename(etcd, etcd+".damaged"); err != nil {
			c.t.Fatal(err)
		}
		c.anew = true
		c.up()
		if err := os.RemoveAll(etcd + ".damaged"); err != nil {
			c.t.Fatal(err)
		}
	}}
}

// setAsideSays is a damaged file of the backend's: up and status say what was lost, in
// a line, for as long as the copy is there.
func setAsideSays(name, pattern, copies string, damage func([]byte) []byte, short, lost bool, want ...string) fault {
	return fault{name: name, short: short, happens: func(c *course) {
		c.stopped()
		c.change(pattern, damage)
		c.samplesLost = lost
		said := c.up()
		for _, text := range append(want, copies) {
			if warnings := strings.Join(c.status().Warnings, "\n"); !strings.Contains(warnings, text) ||
				!strings.Contains(said, text) {
				c.untold = append(c.untold, fmt.Sprintf("no %q: up says %q, status %q", text, said, warnings))
			}
		}
		folders, err := filepath.Glob(c.path("data", "backend", copies+"*"))
		if err != nil || len(folders) != 1 {
			c.broken = append(c.broken, fmt.Sprintf("there are the copies %q, %v", folders, err))
		}
		for _, folder := range folders {
			if err := os.RemoveAll(folder); err != nil {
				c.t.Fatal(err)
			}
		}
		c.told(func() error {
			if warnings := c.status().Warnings; len(warnings) > 0 {
				return fmt.Errorf("without the copy there is %q", warnings)
			}
			return nil
		})
	}}
}

// made again by up, whatever is in it.
func madeAgain(name, pattern string, damage func([]byte) []byte) fault {
	return fault{name: name, happens: func(c *course) {
		c.stopped()
		c.change(pattern, damage)
		c.up()
	}}
}

// damages are files that are not what they were, while nothing runs.
func damages() []fault {
	const wal = "data/etcd/member/wal/*.wal"
	return []fault{
		etcdDamaged("etcd's log has three other bytes", wal, flipped, true),
		etcdDamaged("etcd's database begins otherwise", "data/etcd/member/snap/db", beginFlipped, false),
		etcdDamaged("etcd's log lacks its second half", wal, halved, false),
		setAsideSays("the samples' log has three other bytes", "data/backend/tsdb/wal/00000000", "samples-damaged-",
			flipped, true, true, "the log of samples was damaged"),
		setAsideSays("the samples' log begins otherwise", "data/backend/tsdb/wal/00000000", "samples-damaged-",
			beginFlipped, false, true, "the log of samples was damaged"),
		setAsideSays("the events are no database", "data/backend/events.db", "events-damaged-",
			beginFlipped, false, false, "the stored events were damaged"),
		madeAgain("the kubelets' counters are garbage", "data/kubelet.json", garbage),
		madeAgain("the metrics' metadata is garbage", "data/backend/metadata.json", garbage),
		madeAgain("kubeconfigs are garbage", "kubeconfigs/*", garbage),
		madeAgain("a certificate is garbage", "pki/apiserver.crt", garbage),
		madeAgain("a CA's key is garbage", "pki/ca.key", garbage),
		recordBroken("the record is garbage", garbage),
		recordBroken("the record is of a kind that is not known", func(data []byte) []byte {
			return bytes.ReplaceAll(data, []byte(`"embedded"`), []byte(`"future"`))
		}),
		{name: "the user's kubeconfig is garbage", happens: func(c *course) {
			c.stopped()
			kubeconfig := filepath.Join(c.home, "kubeconfig")
			if err := os.WriteFile(kubeconfig, []byte("{]"), 0o600); err != nil {
				c.t.Fatal(err)
			}
			c.upSays(kubeconfig)
			if err := os.Remove(kubeconfig); err != nil {
				c.t.Fatal(err)
			}
			c.up()
		}},
	}
}

// recordBroken is a record that cannot be understood: up says how to get rid of it.
func recordBroken(name string, damage func([]byte) []byte) fault {
	return fault{name: name, happens: func(c *course) {
		c.stopped()
		c.change("state.json", damage)
		c.anew, c.samplesLost = true, true
		r := c.command(binary(c.t, "DIORAMA_BINARY"), small...)
		if r.err == nil {
			return // it goes on with the data
		}
		if !strings.Contains(r.stderr, "diorama down --name default") {
			c.untold = append(c.untold, r.stderr)
		}
		c.diorama("down", "--name", "default")
		c.up()
	}}
}

// losses are files and ports that are gone while the environment runs.
func losses() []fault {
	remove := func(c *course, elem ...string) {
		if err := os.RemoveAll(c.path(elem...)); err != nil {
			c.t.Fatal(err)
		}
	}
	return []fault{
		{name: "the log files are removed, and etcd killed", happens: func(c *course) {
			remove(c, "logs", "etcd.log")
			c.signal(syscall.SIGKILL, "etcd")
			c.restarted(1, "etcd")
			c.told(func() error {
				_, err := os.Stat(c.path("logs", "etcd.log"))
				return err
			})
		}},
		{name: "the folder of logs is removed, and etcd killed", happens: func(c *course) {
			remove(c, "logs")
			c.signal(syscall.SIGKILL, "etcd")
			c.restarted(1, "etcd")
		}},
		{name: "configurations are removed, and a collector killed", happens: func(c *course) {
			remove(c, "config")
			c.signal(syscall.SIGKILL, "collector-nodes")
			c.degraded("collector-nodes", "there is no file ")
			c.up()
			c.restarted(1, "collector-nodes")
		}},
		portTaken("collector-nodes", true, func(s status) string { return s.Endpoints.NodeMetrics }),
		portTaken("backend", false, func(s status) string { return s.Endpoints.Prometheus }),
		portTaken("kube-apiserver", false, func(s status) string { return s.Endpoints.Kubernetes }),
	}
}

// portTaken ends a component while the supervisor looks away, and takes its port.
func portTaken(name string, short bool, endpoint func(status) string) fault {
	return fault{name: "another has the port of " + name, short: short, happens: func(c *course) {
		_, address, _ := strings.Cut(endpoint(c.before), "://")
		address, _, _ = strings.Cut(address, "/")
		supervisor := pids(c.before)["supervisor"]
		stop := syscall.Kill(supervisor, syscall.SIGSTOP)
		end := syscall.Kill(pids(c.before)[name], syscall.SIGKILL)
		var taken net.Listener
		free := polled(patience, func() (err error) {
			taken, err = net.Listen("tcp", address)
			return err
		})
		if err := errors.Join(stop, end, free, syscall.Kill(supervisor, syscall.SIGCONT)); err != nil {
			c.t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(address)
		c.degraded(name, "address already in use")
		c.degraded(name, port)
		if _, err := strconv.Atoi(port); err != nil {
			c.t.Fatal(err)
		}
		if err := taken.Close(); err != nil {
			c.t.Fatal(err)
		}
		c.up()
		c.restarted(1, name)
	}}
}
