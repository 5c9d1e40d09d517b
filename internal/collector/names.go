package collector

import (
	"path"
	"strconv"
	"strings"
)

// names are what an image's components are called. An old name is taken by
// every version, but newer ones warn of it at each start; a new one is unknown
// to versions before it.
type names struct {
	// HostMetrics is the receiver hostmetrics, host_metrics since 0.151.
	HostMetrics string
	// KubeletStats is the receiver kubeletstats, kubelet_stats since 0.152.
	KubeletStats string
	// VolumeAttributes says whether the kubelet's receiver has attributes of
	// volumes on that it warns of; they are off since 0.151, and about to go.
	VolumeAttributes bool
}

// contribImage is the distribution whose versions are known; mirrors of it have
// other registries before its name.
const contribImage = "opentelemetry-collector-contrib"

// namesFor are the names in an image of the collector. One whose version is
// not known gets the old names, which work in all.
func namesFor(image string) names {
	n := names{HostMetrics: "hostmetrics", KubeletStats: "kubeletstats", VolumeAttributes: true}
	repository, tag, _ := splitImage(image)
	if path.Base(repository) != contribImage {
		return n
	}
	minor := minorVersion(tag)
	if minor >= 151 {
		n.HostMetrics, n.VolumeAttributes = "host_metrics", false
	}
	if minor >= 152 {
		n.KubeletStats = "kubelet_stats"
	}
	return n
}

// minorVersion is the second number of a version 0.x, such as 0.153.0 or
// 0.153.0-amd64; 0 if the tag is none.
func minorVersion(tag string) int {
	rest, isZero := strings.CutPrefix(strings.TrimPrefix(tag, "v"), "0.")
	minor, _, hasPatch := strings.Cut(rest, ".")
	if !isZero || !hasPatch {
		return 0
	}
	n, err := strconv.Atoi(minor)
	if err != nil {
		return 0
	}
	return n
}
