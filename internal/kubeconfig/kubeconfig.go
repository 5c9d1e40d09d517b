// Package kubeconfig changes the user's kubeconfig: it adds the context of an
// environment and takes it away again. The file is the user's: it is replaced
// atomically, only what is ours is touched, and a file that cannot be read is
// left alone.
package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/diorama-lab/diorama/internal/atomicfile"
)

// Path returns the file that changes go to, as kubectl chooses it: the first
// file of KUBECONFIG that exists, else the last one named, else ~/.kube/config.
func Path() (string, error) {
	files := filepath.SplitList(os.Getenv("KUBECONFIG"))
	last := ""
	for _, file := range files {
		if file == "" {
			continue
		}
		last = file
		if _, err := os.Stat(file); err == nil {
			return filepath.Abs(file)
		}
	}
	if last != "" {
		return filepath.Abs(last)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("finding the kubeconfig; set KUBECONFIG: %w", err)
	}
	return filepath.Join(home, ".kube", "config"), nil
}

// Check says early what would keep Merge from working: a file that does not
// parse, or one that may not be locked and replaced.
func Check() error {
	path, err := Path()
	if err != nil {
		return err
	}
	if _, err := load(path); err != nil {
		return err
	}
	return writable(path)
}

// writable locks a file as Merge would, or asks the closest folder that is there
// whether others may be made in it.
func writable(path string) error {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	for {
		err := unix.Access(dir, unix.W_OK)
		parent := filepath.Dir(dir)
		switch {
		case err == nil && dir == filepath.Dir(target):
			unlock, err := lock(path, target)
			if err != nil {
				return err
			}
			return unlock()
		case err == nil:
			return nil
		case !errors.Is(err, fs.ErrNotExist) || parent == dir:
			return fmt.Errorf("the kubeconfig %s cannot be replaced, its folder %s: %w; %s", path, dir, err, elsewhere)
		}
		dir = parent
	}
}

// Merge adds config's only context to the kubeconfig at path under a name,
// makes it current, and returns what was current before.
func Merge(path, name string, config *clientcmdapi.Config) (previous string, err error) {
	err = modify(path, func(user *clientcmdapi.Config) error {
		if previous = user.CurrentContext; previous == name {
			previous = ""
		}
		context, ok := config.Contexts[config.CurrentContext]
		if !ok {
			return errors.New("the environment's kubeconfig has no current context")
		}
		user.Clusters[name] = config.Clusters[context.Cluster]
		user.AuthInfos[name] = config.AuthInfos[context.AuthInfo]
		user.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
		user.CurrentContext = name
		return nil
	})
	return previous, err
}

// Remove takes away what Merge added under a name. If that context is still
// the current one, previous becomes current, provided that it still exists.
func Remove(path, name, previous string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := modify(path, func(user *clientcmdapi.Config) error {
		delete(user.Clusters, name)
		delete(user.AuthInfos, name)
		delete(user.Contexts, name)
		if user.CurrentContext == name {
			user.CurrentContext = ""
			if _, ok := user.Contexts[previous]; ok {
				user.CurrentContext = previous
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking the context %s away: %w", name, err)
	}
	return nil
}

// modify changes the file at path under a lock, so that two environments that
// start at once, or kubectl, do not undo each other. A file that diorama has made
// goes when nothing is left in it.
func modify(path string, change func(*clientcmdapi.Config) error) (err error) {
	target, err := resolve(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	_, noDir := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of the kubeconfig: %w", err)
	}
	unlock, err := lock(path, target)
	if err != nil {
		return err
	}
	withFolder := false
	defer func() {
		err = errors.Join(err, unlock())
		if withFolder {
			// One that is not empty is somebody's by now.
			_ = os.Remove(dir)
		}
	}()
	config, err := load(target)
	if err != nil {
		return err
	}
	if errors.Is(noDir, fs.ErrNotExist) {
		setMade(config, madeFolder)
	}
	if err := change(config); err != nil {
		return err
	}
	if made(config) == "" || !isEmpty(config) {
		return replace(target, config)
	}
	withFolder = made(config) == madeFolder
	if err := os.Remove(target); err != nil {
		return fmt.Errorf("removing the kubeconfig that diorama made: %w", err)
	}
	return nil
}

// resolve follows symbolic links, so that the file that they point to is
// replaced and not the link.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("following the kubeconfig %s: %w", path, err)
	}
	return target, nil
}

// load returns the kubeconfig at path, an empty one of ours if there is none.
func load(path string) (*clientcmdapi.Config, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		config := clientcmdapi.NewConfig()
		setMade(config, madeFile)
		return config, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config, err := clientcmd.Load(data)
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig %s does not parse and is left as it is; repair it, "+
			"or set KUBECONFIG to another file: %w", path, err)
	}
	return config, nil
}

func replace(target string, config *clientcmdapi.Config) error {
	data, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encoding the kubeconfig: %w", err)
	}
	if err := atomicfile.WriteDurable(target, 0o600, data); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}
