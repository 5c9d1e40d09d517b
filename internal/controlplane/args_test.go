package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRendered(t *testing.T) {
	o := testOptions("/env")
	for name, got := range map[string]string{
		"etcd":                    strings.Join(o.EtcdArgs(), "\n") + "\n",
		"kube-apiserver":          strings.Join(o.APIServerArgs(), "\n") + "\n",
		"kube-controller-manager": strings.Join(o.ControllerManagerArgs(), "\n") + "\n",
		"kube-scheduler":          strings.Join(o.SchedulerArgs(), "\n") + "\n",
		"egress-selector":         o.egressConfig(),
		"scheduler-config":        o.schedulerConfig(),
	} {
		golden(t, name, got)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; if that is meant, run the tests with -update\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestEtcdTrustsCertificatesOnly(t *testing.T) {
	config, err := etcdConfig(testOptions("/env").EtcdArgs())
	if err != nil {
		t.Fatal(err)
	}
	if err := config.Validate(); err != nil {
		t.Error(err)
	}
	if !config.ClientTLSInfo.ClientCertAuth || !config.PeerTLSInfo.ClientCertAuth {
		t.Error("etcd lets in who shows no certificate")
	}
	if len(config.ListenMetricsUrls) > 0 {
		t.Error("etcd shows metrics without TLS")
	}
}

func TestProgramsRefuseUnknownFlags(t *testing.T) {
	for _, program := range Programs() {
		for _, args := range [][]string{{"--no-such-flag"}, {"stray"}} {
			if err := program.Run(t.Context(), args); err == nil || !strings.Contains(err.Error(), program.Name+"'s flags") {
				t.Errorf("%s %v: %v", program.Name, args, err)
			}
		}
	}
}
