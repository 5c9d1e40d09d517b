package backend

// DefaultPromotedAttributes are the resource attributes that become labels.
//
// An OTLP series is identified by its resource; a Prometheus series only by
// its labels. So every attribute that tells two living resources of the
// k8s_cluster, kubeletstats and hostmetrics receivers apart has to be here,
// or their series fall into one and samples are lost:
//
//   - node, pod and container: namespace, node, pod and container names, the
//     host name for host metrics;
//   - a pod's volumes differ by k8s.volume.name only; claim name and type come
//     with it because a volume's name means nothing outside its pod;
//   - the objects that k8s_cluster reports on: workloads, HPAs, quotas,
//     replication controllers, services, OpenShift's cluster quotas.
//
// UIDs, container IDs, images and reasons are left out on purpose: names are
// unique among living objects, and a label that changes with each restart
// breaks every series in two. The receivers' optional process scraper, whose
// resources differ by process.pid, is not covered: add process.pid where it is
// used.
func DefaultPromotedAttributes() []string {
	return []string{
		"service.name", "service.namespace", "service.instance.id", "service.version",
		"cloud.provider", "cloud.platform", "cloud.account.id", "cloud.region", "cloud.availability_zone",
		"deployment.environment", "deployment.environment.name",
		"host.name", "host.id",
		"k8s.cluster.name", "k8s.namespace.name", "k8s.node.name", "k8s.pod.name", "k8s.container.name",
		"k8s.deployment.name", "k8s.replicaset.name", "k8s.statefulset.name", "k8s.daemonset.name",
		"k8s.job.name", "k8s.cronjob.name", "k8s.replicationcontroller.name",
		"k8s.hpa.name", "k8s.resourcequota.name", "k8s.service.name", "openshift.clusterquota.name",
		"k8s.volume.name", "k8s.volume.type", "k8s.persistentvolumeclaim.name",
	}
}
