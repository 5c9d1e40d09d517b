package cli

import (
	"strings"
	"testing"
)

// A wrong command line is told in diorama's words, whoever finds it; what is said of
// each verb's flags is in testdata/bad.
func TestWrongUsage(t *testing.T) {
	for line, want := range map[string]string{
		"upp":                        "there is no command `diorama upp`; did you mean up?",
		"launch --nodes 3":           "there is no command `diorama launch`; --help shows",
		"config default":             "there is no command `diorama config default`; did you mean defaults?",
		"completion tcsh":            "there is no command `diorama completion tcsh`",
		"help bogus":                 "there is no command `diorama bogus`",
		"up --nodez 3":               "`diorama up` has no flag --nodez; did you mean --nodes?",
		"up -z":                      "`diorama up` has no flag -z; --help shows",
		"up --nodes":                 "--nodes needs a value: simulated nodes",
		"up --nodes ten":             `--nodes is "ten": give a whole number`,
		"check --wait 5":             `--wait is "5": give a duration with its unit`,
		"up lab":                     "`diorama up` takes no arguments, and \"lab\" is one",
		"logs a b":                   "`diorama logs` takes 1 argument at most; \"b\" is one more",
		"config collector other":     "`diorama config collector` knows no \"other\"; give cluster or nodes",
		"up --file=":                 "--file is empty; give it a value, or leave it out",
		"up --jsonnet-path=":         "--jsonnet-path is empty",
		"down --name Lab":            `--name "Lab": use 1 to 40 lower-case letters`,
		"down --name a --all":        "--name and --all do not go together; leave one of them out",
		"backend":                    "`diorama backend` needs --data: folder for samples and events",
		"up --dry-run --nodes 0":     "--nodes is 0: a cluster has 1 to 5000 nodes",
		"up --dry-run --file /none":  "reading the environment file: there is no file /none",
		"config defaults --env k8s":  `--env "k8s": this diorama brings up embedded, kwok or k3d`,
		"config collector --env k8s": `--env "k8s": this diorama brings up`,
	} {
		code, out, said := runMain(strings.Fields(line)...)
		if code == 0 || out != "" || !strings.HasPrefix(said, "error: "+want) {
			t.Errorf("%s: exit code %d, %s%s, want %s", line, code, out, said, want)
		}
	}
	// What only has commands under it shows them, with or without being asked for help.
	for _, line := range []string{"config", "config --help", "help config"} {
		code, out, _ := runMain(strings.Fields(line)...)
		if code != 0 || !strings.Contains(out, "diorama config [command]") {
			t.Errorf("%s: exit code %d, %s", line, code, out)
		}
	}
	if code, out, _ := runMain("__complete", "u"); code != 0 || !strings.Contains(out, "up\t") {
		t.Errorf("completion: exit code %d, %s", code, out)
	}
	// No folder is a value, where ./dashboards is there.
	if code, _, said := runMain("up", "--dry-run", "--dashboards="); code != 0 {
		t.Errorf("without dashboards: exit code %d, %s", code, said)
	}
}
