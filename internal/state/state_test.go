package state

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/diorama-lab/diorama/api/v1alpha1"
)

func newFolder(t *testing.T, name string) Folder {
	t.Helper()
	folder, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestRecordIsCrashedWithoutALock(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	lock, err := folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Write(Record{Environment: v1alpha1.Default(), Phase: Ready}); err != nil {
		t.Fatal(err)
	}
	record, alive, err := folder.Read()
	if err != nil || !alive || record.Phase != Ready || record.Environment.Cluster.Nodes != 50 {
		t.Fatalf("got %+v, alive %v, %v", record, alive, err)
	}
	if err := folder.Write(Record{Phase: Ready, PID: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	if record, alive, err = folder.Read(); err != nil || !alive || record.Phase != Starting {
		t.Errorf("held by another than the record's: got %s, alive %v, %v, want Starting", record.Phase, alive, err)
	}
	if _, err := folder.Lock(); !errors.Is(err, ErrHeld) {
		t.Errorf("a second lock gave %v, want ErrHeld", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	record, alive, err = folder.Read()
	if err != nil || alive || record.Phase != Crashed {
		t.Errorf("without a lock: got %s, alive %v, %v, want Crashed", record.Phase, alive, err)
	}
}

func TestFolderIsForTheUserAlone(t *testing.T) {
	t.Setenv("DIORAMA_HOME", filepath.Join(t.TempDir(), "home"))
	folder := newFolder(t, "one")
	if err := folder.Write(Record{Phase: Ready}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{folder.Path: 0o700, filepath.Join(folder.Path, "state.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

// Who looks whether a folder is held leaves nothing there.
func TestHeldMakesNothing(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "looked-at")
	if held, err := folder.Held(); held || err != nil {
		t.Errorf("a folder without a lock is held: %v, %v", held, err)
	}
	if _, err := folder.tryLock(unix.LOCK_SH); !errors.Is(err, fs.ErrNotExist) || folder.has(lockFile) {
		t.Errorf("looking says %v, and there is a lock: %v", err, folder.has(lockFile))
	}
}

func TestListAndRemove(t *testing.T) {
	root := filepath.Join(t.TempDir(), "home")
	t.Setenv("DIORAMA_HOME", root)
	if folders, err := List(); err != nil || len(folders) != 0 {
		t.Fatalf("before anything: %v, %v", folders, err)
	}
	for _, name := range []string{"b", "a"} {
		if err := newFolder(t, name).Write(Record{Phase: Stopped}); err != nil {
			t.Fatal(err)
		}
	}
	begun, err := newFolder(t, "begun").Lock()
	if err != nil {
		t.Fatal(err)
	}
	if err := begun.Unlock(); err != nil {
		t.Fatal(err)
	}
	others := []string{"somebodys/logs", "somebodys/src", ".cache/charts", "empty", "site/data", "site/config"}
	for _, dir := range others {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	folders, err := List()
	if err != nil || len(folders) != 3 || folders[0].Name != "a" || folders[1].Name != "b" || folders[2].Name != "begun" {
		t.Fatalf("got %v, %v, want a, b and begun", folders, err)
	}
	for _, dir := range []string{"somebodys", ".cache", "empty", "site"} {
		if err := os.RemoveAll(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "begun"} {
		folder, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := folder.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(root); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the root is still there: %v", err)
	}
}

func TestOpenRefusesPaths(t *testing.T) {
	for _, name := range []string{"", "../up", "a/b", "UPPER", ".", strings.Repeat("a", 41)} {
		if _, err := Open(name); err == nil {
			t.Errorf("%q was taken as a name", name)
		}
	}
}

func TestCreateSaysWhereItCouldNot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DIORAMA_HOME", file)
	folder, err := Open("one")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(); err == nil || !strings.Contains(err.Error(), file) ||
		!strings.Contains(err.Error(), "DIORAMA_HOME") {
		t.Errorf("got %v, want the path and a way out", err)
	}
}

func TestReadSaysWhatIsBroken(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder := newFolder(t, "one")
	if err := os.WriteFile(filepath.Join(folder.Path, "state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := folder.Read(); err == nil || !strings.Contains(err.Error(), "`diorama down --name one`") {
		t.Errorf("got %v, want what to do", err)
	}
}

func TestCheckPortNamesTheHolder(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	err = CheckPort("prometheus", port)
	if err == nil {
		t.Fatal("a port in use was found free")
	}
	for _, want := range []string{fmt.Sprint(port), "prometheus", fmt.Sprintf("pid %d", os.Getpid())} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := CheckPort("prometheus", port); err != nil {
		t.Error(err)
	}
}

// An up that is killed before its supervisor has a record leaves a folder that says
// what it was to be.
func TestReadWithoutARecord(t *testing.T) {
	t.Setenv("DIORAMA_HOME", t.TempDir())
	folder, err := Open("one")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := folder.Read(); !errors.Is(err, os.ErrNotExist) || folder.Exists() {
		t.Errorf("before anything: %v", err)
	}
	lock, err := folder.Hold()
	if err != nil {
		t.Fatal(err)
	}
	record, alive, err := folder.Read()
	if err != nil || !alive || record.Phase != Starting || record.Environment.Name != "one" || record.CreatedAt.IsZero() {
		t.Errorf("while it is held: %+v, alive %v, %v", record, alive, err)
	}
	env := v1alpha1.Default()
	env.Cluster.Nodes = 7
	if err := errors.Join(folder.WriteEnvironment(env), lock.Unlock()); err != nil {
		t.Fatal(err)
	}
	record, alive, err = folder.Read()
	if err != nil || alive || record.Phase != Crashed || record.Environment.Cluster.Nodes != 7 || folder.HasRecord() {
		t.Errorf("afterwards: %+v, alive %v, %v", record, alive, err)
	}
}
