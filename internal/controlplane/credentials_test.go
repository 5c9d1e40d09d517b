package controlplane

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

func testOptions(dir string) Options {
	return Options{Dir: dir, Ports: Ports{
		API: 6443, EtcdClient: 2379, EtcdPeer: 2380, ControllerManager: 10257, Scheduler: 10259, KubeletTunnel: 10251,
	}}
}

// contents returns every file below dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// changed returns the names of the certificates that differ.
func changed(before, after map[string]string) []string {
	var names []string
	for name := range after {
		if base, found := strings.CutSuffix(filepath.Base(name), ".crt"); found && before[name] != after[name] {
			names = append(names, base)
		}
	}
	slices.Sort(names)
	return names
}

func TestCredentialsAreForTheUserAlone(t *testing.T) {
	o := testOptions(t.TempDir())
	if err := os.MkdirAll(filepath.Join(o.Dir, "pki"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := EnsureCredentials(o); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(o.Dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || path == o.Dir {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %s", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		// The next round finds modes that somebody has changed.
		for _, path := range []string{o.Key("ca"), o.Key("sa"), o.Key("admin"), o.Kubeconfig("admin")} {
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCredentialsVerify(t *testing.T) {
	o := testOptions(t.TempDir())
	o.Hosts = []string{"192.0.2.7", "lab.example"}
	if err := EnsureCredentials(o); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.certificates() {
		pem, err := os.ReadFile(o.Certificate(c.ca))
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		keyPair, err := tls.LoadX509KeyPair(o.Certificate(c.name), o.Key(c.name))
		if err != nil {
			t.Fatal(err)
		}
		for _, usage := range c.Usages() {
			if _, err := keyPair.Leaf.Verify(x509.VerifyOptions{Roots: pool,
				KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		for _, host := range c.Hosts {
			if err := keyPair.Leaf.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if left := time.Until(keyPair.Leaf.NotAfter); left > validity {
			t.Errorf("%s lives for another %s", c.name, left)
		}
	}
}

func TestCredentialsAreMadeAnew(t *testing.T) {
	now := time.Now()
	ofCA := []string{"admin", "apiserver", "apiserver-kubelet-client", "ca", "collector", "controller-manager",
		"controller-manager-server", "kubelet", "kwok", "scheduler", "scheduler-server"}
	overwrite := func(path string) func(*testing.T, *Options) {
		return func(t *testing.T, o *Options) {
			if err := os.WriteFile(filepath.Join(o.Dir, path), []byte("not a credential"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		// spoil changes what is there, or what is asked for.
		spoil func(*testing.T, *Options)
		later time.Duration
		want  []string
	}{
		{name: "nothing has changed", spoil: func(*testing.T, *Options) {}},
		{name: "weeks later", spoil: func(*testing.T, *Options) {}, later: 60 * 24 * time.Hour},
		{name: "another host", spoil: func(_ *testing.T, o *Options) { o.Hosts = []string{"lab.example"} },
			want: []string{"apiserver", "controller-manager-server", "etcd-server", "scheduler-server"}},
		{name: "a certificate is damaged", spoil: overwrite("pki/kwok.crt"), want: []string{"kwok"}},
		{name: "a key is damaged", spoil: overwrite("pki/collector.key"), want: []string{"collector"}},
		{name: "an authority is damaged", spoil: overwrite("pki/ca.key"), want: ofCA},
		{name: "a key is another's", want: []string{"admin"}, spoil: func(t *testing.T, o *Options) {
			data, err := os.ReadFile(o.Key("kwok"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(o.Key("admin"), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a certificate is missing", want: []string{"scheduler"}, spoil: func(t *testing.T, o *Options) {
			if err := os.Remove(o.Certificate("scheduler")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			if err := o.ensureCredentials(now); err != nil {
				t.Fatal(err)
			}
			before := contents(t, o.Dir)
			test.spoil(t, &o)
			if err := o.ensureCredentials(now.Add(test.later)); err != nil {
				t.Fatal(err)
			}
			after := contents(t, o.Dir)
			if got := changed(before, after); !slices.Equal(got, test.want) {
				t.Errorf("made anew: %v, want %v", got, test.want)
			}
			if before["pki/sa.key"] != after["pki/sa.key"] || len(before) != len(after) {
				t.Errorf("other files have changed: %v", slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

func TestCredentialsAreRenewed(t *testing.T) {
	o, now := testOptions(t.TempDir()), time.Now()
	if err := o.ensureCredentials(now); err != nil {
		t.Fatal(err)
	}
	before := contents(t, o.Dir)
	later := now.Add(validity - renewal + time.Hour)
	if err := o.ensureCredentials(later); err != nil {
		t.Fatal(err)
	}
	after := contents(t, o.Dir)
	if got, want := len(changed(before, after)), len(o.certificates())+len(authorities()); got != want {
		t.Errorf("%d certificates were made anew, want all %d", got, want)
	}
	config, err := clientcmd.Load([]byte(after["kubeconfigs/admin.kubeconfig"]))
	if err != nil {
		t.Fatal(err)
	}
	if string(config.AuthInfos["diorama"].ClientCertificateData) != after["pki/admin.crt"] {
		t.Error("the kubeconfig holds the old certificate")
	}
}

func TestCredentialsWithoutAccess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := EnsureCredentials(testOptions(file)); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want an error that names %s", err, file)
	}
}
