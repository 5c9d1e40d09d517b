package kubeconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const users = `apiVersion: v1
kind: Config
clusters:
- {name: prod, cluster: {server: "https://prod.example"}}
users:
- {name: me, user: {token: secret}}
contexts:
- {name: prod, context: {cluster: prod, user: me, namespace: web}}
current-context: prod
`

func ours(server string) *clientcmdapi.Config {
	config := clientcmdapi.NewConfig()
	config.Clusters["diorama"] = &clientcmdapi.Cluster{Server: server}
	config.AuthInfos["diorama"] = &clientcmdapi.AuthInfo{Token: "ours"}
	config.Contexts["diorama"] = &clientcmdapi.Context{Cluster: "diorama", AuthInfo: "diorama"}
	config.CurrentContext = "diorama"
	return config
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) *clientcmdapi.Config {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestMergeAndRemoveRestoreWhatWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, users)
	previous, err := Merge(path, "diorama-a", ours("https://127.0.0.1:6443"))
	if err != nil || previous != "prod" {
		t.Fatalf("previous is %q, %v", previous, err)
	}
	merged := read(t, path)
	if merged.CurrentContext != "diorama-a" || merged.Clusters["diorama-a"].Server != "https://127.0.0.1:6443" {
		t.Errorf("merged: %+v", merged)
	}
	if merged.AuthInfos["me"].Token != "secret" || merged.Contexts["prod"].Namespace != "web" {
		t.Error("the user's own entries were lost")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v, want 0600", info.Mode(), err)
	}
	if err := Remove(path, "diorama-a", previous); err != nil {
		t.Fatal(err)
	}
	restored := read(t, path)
	if restored.CurrentContext != "prod" || len(restored.Contexts) != 1 || len(restored.Clusters) != 1 ||
		len(restored.AuthInfos) != 1 {
		t.Errorf("restored: %+v", restored)
	}
}

func TestRemoveLeavesAnotherChoiceAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	write(t, path, users)
	if _, err := Merge(path, "diorama-a", ours("https://a")); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(path, "diorama-b", ours("https://b")); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path, "diorama-a", "prod"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path).CurrentContext; got != "diorama-b" {
		t.Errorf("current is %q, want the user's later choice", got)
	}
	if err := Remove(path, "diorama-b", "diorama-a"); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path).CurrentContext; got != "" {
		t.Errorf("current is %q, which does not exist any more", got)
	}
}

func TestMergeIntoNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "config")
	if previous, err := Merge(path, "diorama-a", ours("https://a")); err != nil || previous != "" {
		t.Fatalf("previous is %q, %v", previous, err)
	}
	if got := read(t, path).CurrentContext; got != "diorama-a" {
		t.Errorf("current is %q", got)
	}
}

func TestMergeAgainDoesNotRememberItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	for range 2 {
		if previous, err := Merge(path, "diorama-a", ours("https://a")); err != nil || previous != "" {
			t.Fatalf("previous is %q, %v", previous, err)
		}
	}
}

func TestUnparsableFileIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	const broken = "clusters: [{\n"
	write(t, path, broken)
	t.Setenv("KUBECONFIG", path)
	_, mergeErr := Merge(path, "diorama-a", ours("https://a"))
	for what, err := range map[string]error{
		"Merge": mergeErr, "Remove": Remove(path, "diorama-a", ""), "Check": Check(),
	} {
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "left as it is") {
			t.Errorf("%s says %v", what, err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != broken {
		t.Errorf("the file was changed to %q, %v", data, err)
	}
}

func TestSymlinkIsFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	write(t, target, users)
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(link, "diorama-a", ours("https://a")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info.Mode(), err)
	}
	if read(t, target).CurrentContext != "diorama-a" {
		t.Error("the target was not changed")
	}
}

func TestPathHonoursLists(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	list := func(files ...string) string { return strings.Join(files, string(os.PathListSeparator)) }
	t.Setenv("KUBECONFIG", list("", first, second))
	if got, err := Path(); err != nil || got != second {
		t.Errorf("with no file there: %q, %v, want the last one", got, err)
	}
	write(t, first, users)
	if got, err := Path(); err != nil || got != first {
		t.Errorf("with the first there: %q, %v", got, err)
	}
	t.Setenv("KUBECONFIG", "")
	t.Setenv("HOME", dir)
	if got, err := Path(); err != nil || got != filepath.Join(dir, ".kube", "config") {
		t.Errorf("without KUBECONFIG: %q, %v", got, err)
	}
}

func TestRemoveFromNothing(t *testing.T) {
	if err := Remove(filepath.Join(t.TempDir(), "none"), "diorama-a", ""); err != nil {
		t.Error(err)
	}
}

func TestConcurrentMergesAllArrive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if _, err := Merge(path, fmt.Sprintf("diorama-%d", i), ours("https://a")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(read(t, path).Contexts); got != 10 {
		t.Errorf("%d contexts arrived, want 10", got)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "")
	t.Setenv("KUBECONFIG", filepath.Join(file, "config"))
	if err := Check(); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("got %v", err)
	}
}

func TestLockIsThatOfKubectl(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "config"), filepath.Join(dir, "link")
	write(t, path, users)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	options := clientcmd.NewDefaultPathOptions()
	options.LoadingRules.ExplicitPath = path
	unlock, err := lock(link, path)
	if err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.ModifyConfig(options, *ours("https://a"), false); err == nil {
		t.Error("kubectl changed what is locked")
	}
	if _, err := lockFile(path, 0); err == nil || !strings.Contains(err.Error(), path+".lock: if no kubectl") {
		t.Errorf("a second one says %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := clientcmd.ModifyConfig(options, *ours("https://a"), false); err != nil {
		t.Errorf("kubectl says %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "*.lock")); err != nil || len(files) > 0 {
		t.Errorf("left: %q, %v", files, err)
	}
}

// A file system may refuse locks, or to make files at all; a folder that is gone
// does, even for the superuser.
func TestFolderThatRefusesLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("c", 252))
	write(t, path, users)
	t.Setenv("KUBECONFIG", path)
	if err := Check(); err == nil || !strings.Contains(err.Error(), "cannot be locked") ||
		!strings.Contains(err.Error(), "set KUBECONFIG") {
		t.Errorf("got %v", err)
	}
}

func TestCheckLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "config"), filepath.Join(dir, "new", "config")} {
		t.Setenv("KUBECONFIG", path)
		if err := Check(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A file that was not there before goes with the last of ours, whichever made it;
// what somebody has added to it stays, and so does an empty file of theirs.
func TestFileOfOursGoesWhenItIsEmpty(t *testing.T) {
	dir := t.TempDir()
	merge := func(path, name string) {
		t.Helper()
		if _, err := Merge(path, name, ours("https://a")); err != nil {
			t.Fatal(err)
		}
	}
	remove := func(path, name string) bool {
		t.Helper()
		if err := Remove(path, name, ""); err != nil {
			t.Fatal(err)
		}
		return exists(path)
	}
	path := filepath.Join(dir, "made")
	merge(path, "diorama-a")
	merge(path, "diorama-b")
	if !remove(path, "diorama-a") || remove(path, "diorama-b") {
		t.Error("it has to go with the last one")
	}
	inFolder := filepath.Join(dir, ".kube", "config")
	merge(inFolder, "diorama-a")
	if remove(inFolder, "diorama-a") || exists(filepath.Dir(inFolder)) || !exists(dir) {
		t.Error("the folder that was made has to go, and no other")
	}
	merge(inFolder, "diorama-a")
	write(t, filepath.Join(dir, ".kube", "cache"), "")
	if remove(inFolder, "diorama-a") || !exists(filepath.Dir(inFolder)) {
		t.Error("a folder that is not empty is gone")
	}
	merge(path, "diorama-a")
	merge(path, "theirs")
	if !remove(path, "diorama-a") || len(read(t, path).Contexts) != 1 {
		t.Error("what was added is gone")
	}
	empty := filepath.Join(dir, "empty")
	write(t, empty, "")
	merge(empty, "diorama-a")
	if !remove(empty, "diorama-a") {
		t.Error("a file of the user's is gone")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
