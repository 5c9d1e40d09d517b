package k3d

import (
	"context"
	"fmt"
	"io"

	"github.com/k3d-io/k3d/v5/pkg/client"
	"github.com/k3d-io/k3d/v5/pkg/logger"
	"github.com/k3d-io/k3d/v5/pkg/runtimes"
	"github.com/k3d-io/k3d/v5/pkg/types"
)

// Import copies images from the engine, and all images of tarballs, into every
// node of a cluster. What k3d says goes to log.
func Import(ctx context.Context, name string, images, tarballs []string, log io.Writer) error {
	logger.Log().SetOutput(log)
	cluster, err := client.ClusterGet(ctx, runtimes.Docker, &types.Cluster{Name: name})
	if err != nil {
		return fmt.Errorf("looking for the cluster %s: %w", name, err)
	}
	// Direct: a stream into each node, without a container of k3d's own.
	options := types.ImageImportOpts{Mode: types.ImportModeDirect}
	all := append(append([]string(nil), images...), tarballs...)
	if err := client.ImageImportIntoClusterMulti(ctx, runtimes.Docker, all, cluster, options); err != nil {
		return fmt.Errorf("copying images into the nodes of the cluster %s: %w", name, err)
	}
	return nil
}
