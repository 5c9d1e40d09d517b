package set

// Volumes that back a claim. kubeletstats names the claim only if it is asked
// to: extra_metadata_labels: [k8s.volume.type].
const ofClaims = inNamespaces + `,k8s_persistentvolumeclaim_name!=""`

// claimKey tells volumes apart. Several pods may mount one claim: it counts once.
const claimKey = namespaceKey + ", k8s_persistentvolumeclaim_name"

func volume(metric string) string { return once(gauge(metric, ofClaims), claimKey) }

func persistentVolumes() page {
	capacity, available := volume("k8s_volume_capacity_bytes"), volume("k8s_volume_available_bytes")
	inodes, inodesUsed := volume("k8s_volume_inodes_ratio"), volume("k8s_volume_inodes_used_ratio")
	used := "1 - " + ratio(available, capacity)
	legend := "{{k8s_namespace_name}}/{{k8s_persistentvolumeclaim_name}}"
	return page{
		name: "persistent-volumes", title: "Kubernetes / Persistent volumes",
		about:     "The volumes behind claims: how full they are, in bytes and inodes. Only mounted volumes are measured.",
		variables: []variable{datasourceVariable(), clusterVariable(), several(queryVariable("namespace", "Namespace", `label_values(k8s_volume_capacity_bytes{`+inCluster+`,k8s_persistentvolumeclaim_name!=""}, k8s_namespace_name)`))},
		links:     []top{next("Namespace", "namespace-pods"), next("Workload health", "workload-health")},
		sections: []section{
			figures(
				numberPanel{title: "Claims", about: "Claims that a running pod mounts.", unit: number, expr: count(capacity)},
				numberPanel{title: "Capacity", about: "Size of all volumes.", unit: bytes, expr: sum(capacity)},
				numberPanel{title: "In use", about: "Space in use, of all volumes.", unit: percent, expr: "1 - " + ratio(sum(available), sum(capacity)), steps: filling()},
				numberPanel{title: "Fullest", about: "Space in use, of the fullest volume.", unit: percent, expr: "max(" + used + ")", steps: filling()},
				numberPanel{title: "Most inodes", about: "Inodes in use, of the volume with the fewest left.", unit: percent, expr: "max(" + ratio(inodesUsed, inodes) + ")", steps: filling()},
				numberPanel{title: "Nearly full", about: "Volumes with more than 85 % of their space in use.", unit: number, expr: sum("(" + used + " > bool 0.85)"), steps: anyIsBad()},
			),
			{height: 9, panels: []panel{graph{title: "Space in use", about: "The used part of each volume.", unit: percent, lines: []query{{used, legend}}, list: true, steps: filling(), max: 1}}},
			{height: 9, panels: []panel{graph{title: "Inodes in use", about: "The used part of each volume's inodes.", unit: percent, lines: []query{{ratio(inodesUsed, inodes), legend}}, list: true, steps: filling(), max: 1}}},
			charts(
				graph{title: "Bytes in use", about: "What each volume holds.", unit: bytes, lines: []query{{capacity + " - " + available, legend}}, stacked: true},
				graph{title: "Growth", about: "How fast each volume fills, over the last 15 minutes. Below zero it empties.", unit: byteRate, lines: []query{{"-" + once("deriv("+gauge("k8s_volume_available_bytes", ofClaims)+"[15m])", claimKey), legend}}, signed: true},
			),
			listing(table{
				title: "Claims", about: "Each claim with the pod that mounts it and how full it is.", sortBy: "Used",
				keys: []key{namespaceColumn(), {column: "Claim", label: "k8s_persistentvolumeclaim_name"}},
				columns: []column{
					{name: "Capacity", expr: sum(capacity, claimKey), unit: bytes},
					{name: "Available", expr: sum(available, claimKey), unit: bytes},
					{name: "Used", expr: used, unit: percent, steps: filling()},
					{name: "Inodes used", expr: ratio(inodesUsed, inodes), unit: percent, steps: filling()},
				},
			}),
		},
	}
}
