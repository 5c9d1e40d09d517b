package set

// Volumes that back a claim. kubeletstats names the claim only if it is asked
// to: extra_metadata_labels: [k8s.volume.type].
const (
	isClaim  = `,k8s_persistentvolumeclaim_name!=""`
	ofClaims = inNamespaces + isClaim
)

// claimKey tells volumes apart. Several pods may mount one claim: it counts once.
const (
	claimKey    = namespaceKey + ", k8s_persistentvolumeclaim_name"
	claimLegend = namespaceLegend + "/{{k8s_persistentvolumeclaim_name}}"
)

func volume(metric string) string { return once(gauge(metric, ofClaims), claimKey) }

func volumeCapacity() string  { return volume("k8s_volume_capacity_bytes") }
func volumeAvailable() string { return volume("k8s_volume_available_bytes") }

// spaceUsed and inodesUsed are the used part of each volume.
func spaceUsed() string { return "1 - " + ratio(volumeAvailable(), volumeCapacity()) }

func inodesUsed() string {
	return ratio(volume("k8s_volume_inodes_used_ratio"), volume("k8s_volume_inodes_ratio"))
}

func persistentVolumes() page {
	namespaces := labelValues("k8s_volume_capacity_bytes", inCluster+isClaim, perNamespace)
	return page{
		name: "persistent-volumes", title: "Kubernetes / Persistent volumes",
		about: "The volumes behind claims: how full they are, in bytes and inodes. Only mounted volumes are measured.",
		variables: []variable{
			datasourceVariable(), clusterVariable(), several(queryVariable("namespace", "Namespace", namespaces)),
		},
		links: []top{next("Namespace", "namespace-pods"), next("Workload health", "workload-health")},
		sections: []section{
			volumeFigures(),
			volumeParts("Space in use", "The used part of each volume.", spaceUsed()),
			volumeParts("Inodes in use", "The used part of each volume's inodes.", inodesUsed()),
			volumeCharts(), claims(),
		},
	}
}

func volumeFigures() section {
	capacity, available := volumeCapacity(), volumeAvailable()
	return figures(
		numberPanel{title: "Claims", about: "Claims that a running pod mounts.", unit: number, expr: count(capacity)},
		numberPanel{title: "Capacity", about: "Size of all volumes.", unit: bytes, expr: sum(capacity)},
		numberPanel{
			title: "In use", about: "Space in use, of all volumes.",
			unit: percent, expr: "1 - " + ratio(sum(available), sum(capacity)), steps: filling(),
		},
		numberPanel{
			title: "Fullest", about: "Space in use, of the fullest volume.",
			unit: percent, expr: "max(" + spaceUsed() + ")", steps: filling(),
		},
		numberPanel{
			title: "Most inodes", about: "Inodes in use, of the volume with the fewest left.",
			unit: percent, expr: "max(" + inodesUsed() + ")", steps: filling(),
		},
		numberPanel{
			title: "Nearly full", about: "Volumes with more than 85 % of their space in use.",
			unit: number, expr: sum("(" + spaceUsed() + " > bool 0.85)"), steps: anyIsBad(),
		},
	)
}

func volumeParts(title, about, used string) section {
	return section{height: 9, panels: []panel{graph{
		title: title, about: about, unit: percent,
		lines: []query{{used, claimLegend}}, list: true, steps: filling(), max: 1,
	}}}
}

func volumeCharts() section {
	growth := "-" + once(over("deriv", "k8s_volume_available_bytes", ofClaims, "15m"), claimKey)
	return charts(
		graph{
			title: "Bytes in use", about: "What each volume holds.", unit: bytes,
			lines: []query{{volumeCapacity() + " - " + volumeAvailable(), claimLegend}}, stacked: true,
		},
		graph{
			title: "Growth", about: "How fast each volume fills, over the last 15 minutes. Below zero it empties.",
			unit: byteRate, lines: []query{{growth, claimLegend}}, signed: true,
		},
	)
}

func claims() section {
	return listing(table{
		title: "Claims", about: "Each claim with the pod that mounts it and how full it is.", sortBy: "Used",
		keys: []key{namespaceColumn(), {column: "Claim", label: "k8s_persistentvolumeclaim_name"}},
		columns: []column{
			{name: "Capacity", expr: sum(volumeCapacity(), claimKey), unit: bytes},
			{name: "Available", expr: sum(volumeAvailable(), claimKey), unit: bytes},
			{name: "Used", expr: spaceUsed(), unit: percent, steps: filling()},
			{name: "Inodes used", expr: inodesUsed(), unit: percent, steps: filling()},
		},
	})
}
