package kubeconfig

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// What diorama made, where no kubeconfig was before, the kubeconfig says itself, in an
// extension: others find it who add to the file meanwhile.
const (
	madeBy     = "diorama.dev/made"
	madeFile   = "file"
	madeFolder = "folder and file"
)

func setMade(config *clientcmdapi.Config, what string) {
	// A text is JSON in quotes.
	config.Extensions[madeBy] = &runtime.Unknown{ContentType: runtime.ContentTypeJSON, Raw: []byte(`"` + what + `"`)}
}

// made is what diorama made, "" if it is the user's.
func made(config *clientcmdapi.Config) string {
	extension, ok := config.Extensions[madeBy].(*runtime.Unknown)
	if !ok {
		return ""
	}
	var what string
	if json.Unmarshal(extension.Raw, &what) != nil {
		return "" // somebody else's, to be left alone
	}
	return what
}

func isEmpty(config *clientcmdapi.Config) bool {
	return len(config.Clusters)+len(config.AuthInfos)+len(config.Contexts) == 0
}
