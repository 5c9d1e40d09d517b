package nodes

import (
	corev1 "k8s.io/api/core/v1"
)

// kind is the controller that runs an app.
type kind int

const (
	deployment kind = iota
	statefulSet
)

// An app is one entry of the catalogue: a workload and how much of the pods it
// gets.
type app struct {
	namespace, name string
	component       string
	kind            kind
	// weight is the app's share of the pods, max its most replicas (0: any).
	weight, max int

	init, containers []corev1.Container
	volumes          []corev1.Volume
	// claim is the size of each replica's claim.
	claim string
	// port of the app's Service; 0 for none.
	port int32

	priority   string
	dedicated  bool // prefers and tolerates the data pool
	apiAccess  bool // mounts a service account token
	autoscaled bool
	budget     bool // has a PodDisruptionBudget
	// profile of usage, if not the default of the kind.
	profile string
}

// catalogue is one copy of the default workloads, in the order in which they
// appear as the number of pods grows: each of the first ones shows something
// that the ones before do not have. Namespace "payments" has a quota on
// requests and limits, so that all its containers need both.
func catalogue() []app {
	var apps []app
	for _, group := range [][]app{shopApps(), dataApps(), paymentApps(), platformApps()} {
		apps = append(apps, group...)
	}
	order := []string{
		"frontend", "orders-db", "cart", "payments-api", "cache", "recommendations",
		"catalog", "checkout", "search", "settlement", "sso", "transcoder",
		"broker", "indexer", "fraud-check", "mailer",
	}
	sorted := make([]app, 0, len(apps))
	for _, name := range order {
		for _, a := range apps {
			if a.name == name {
				sorted = append(sorted, a)
			}
		}
	}
	return sorted
}

func shopApps() []app {
	return []app{
		{
			namespace: "shop", name: "frontend", component: "web", weight: 9, port: 8080,
			priority: criticalPriority, autoscaled: true, budget: true,
			containers: []corev1.Container{
				mounted(container("web", "nginx:1.29.3", "50m", "64Mi", "500m", "256Mi"),
					"config", "/etc/nginx/conf.d", "cache", "/var/cache/nginx"),
				container("exporter", "nginx/nginx-prometheus-exporter:1.5.1", "10m", "16Mi", "50m", "32Mi"),
			},
			volumes: []corev1.Volume{configMapVolume("config", "frontend"), emptyDirVolume("cache")},
		},
		{
			namespace: "shop", name: "cart", component: "api", profile: "bursty", weight: 6, port: 8080, budget: true,
			init: []corev1.Container{container("wait-for-cache", "busybox:1.37", "10m", "16Mi", "100m", "32Mi")},
			containers: []corev1.Container{
				container("cart", "registry.example.com/shop/cart:2.14.0", "50m", "96Mi", "400m", "192Mi"),
			},
		},
		{
			namespace: "shop", name: "catalog", component: "api", weight: 7, port: 8080,
			containers: []corev1.Container{
				container("catalog", "registry.example.com/shop/catalog:5.3.1", "60m", "128Mi", "", ""),
			},
		},
		{
			namespace: "shop", name: "checkout", component: "api", weight: 6, port: 8080, priority: criticalPriority,
			apiAccess: true,
			containers: []corev1.Container{
				mounted(container("checkout", "registry.example.com/shop/checkout:3.8.2", "60m", "128Mi", "500m", "256Mi"),
					"logs", "/var/log/app"),
				mounted(container("log-shipper", "fluent/fluent-bit:4.2.0", "", "", "", "64Mi"), "logs", "/var/log/app"),
			},
			volumes: []corev1.Volume{emptyDirVolume("logs")},
		},
		{
			namespace: "shop", name: "recommendations", component: "worker", profile: "idle", weight: 4,
			containers: []corev1.Container{
				container("recommendations", "registry.example.com/shop/recommendations:0.9.4", "", "", "", ""),
			},
		},
	}
}

func dataApps() []app {
	return []app{
		{
			namespace: "data", name: "orders-db", component: "database", kind: statefulSet, weight: 2, max: 3, port: 5432,
			claim: "20Gi", dedicated: true, priority: criticalPriority,
			init: []corev1.Container{
				mounted(container("init-permissions", "busybox:1.37", "10m", "16Mi", "100m", "32Mi"),
					"data", "/var/lib/postgresql"),
			},
			containers: []corev1.Container{
				mounted(container("postgres", "postgres:18.1", "100m", "256Mi", "1", "1Gi"), "data", "/var/lib/postgresql"),
				container("exporter", "quay.io/prometheuscommunity/postgres-exporter:v0.18.1", "10m", "24Mi", "50m", "48Mi"),
			},
		},
		{
			namespace: "data", name: "cache", component: "cache", kind: statefulSet, weight: 2, max: 3,
			port: 6379, claim: "4Gi",
			containers: []corev1.Container{mounted(container("redis", "redis:8.4", "50m", "128Mi", "", ""), "data", "/data")},
		},
		{
			namespace: "data", name: "search", component: "database", profile: "spiky", kind: statefulSet,
			weight: 2, max: 3, port: 9200, claim: "50Gi", dedicated: true,
			containers: []corev1.Container{
				mounted(container("opensearch", "opensearchproject/opensearch:3.3.2", "100m", "384Mi", "2", "2Gi"),
					"data", "/usr/share/opensearch/data"),
			},
		},
		{
			namespace: "data", name: "broker", component: "queue", kind: statefulSet, weight: 2, max: 3, port: 9092,
			claim: "30Gi", dedicated: true,
			containers: []corev1.Container{
				mounted(container("kafka", "apache/kafka:4.1.1", "100m", "384Mi", "", "2Gi"), "data", "/var/lib/kafka/data"),
			},
		},
		{
			namespace: "data", name: "indexer", component: "worker", profile: "batch", weight: 4,
			containers: []corev1.Container{withScratch(
				mounted(container("indexer", "registry.example.com/data/indexer:1.22.0", "80m", "128Mi", "800m", "512Mi"),
					"scratch", "/scratch"), "1Gi", "4Gi")},
			volumes: []corev1.Volume{memoryVolume("scratch", "64Mi")},
		},
	}
}

func paymentApps() []app {
	proxy := container("proxy", "envoyproxy/envoy:v1.36.2", "20m", "48Mi", "200m", "96Mi")
	always := corev1.ContainerRestartPolicyAlways
	proxy.RestartPolicy = &always
	return []app{
		{
			namespace: "payments", name: "payments-api", component: "api", weight: 5, port: 8443, priority: criticalPriority,
			autoscaled: true, budget: true, apiAccess: true,
			init: []corev1.Container{proxy},
			containers: []corev1.Container{
				mounted(container("api", "registry.example.com/payments/api:7.1.0", "60m", "128Mi", "500m", "256Mi"),
					"keys", "/etc/keys"),
			},
			volumes: []corev1.Volume{secretVolume("keys", "payments-api")},
		},
		{
			namespace: "payments", name: "settlement", component: "worker", profile: "bursty", weight: 4,
			containers: []corev1.Container{
				container("settlement", "registry.example.com/payments/settlement:7.1.0", "50m", "96Mi", "400m", "256Mi"),
			},
		},
		{
			namespace: "payments", name: "fraud-check", component: "worker", weight: 4,
			containers: []corev1.Container{
				container("fraud-check", "registry.example.com/payments/fraud-check:4.0.3", "80m", "192Mi", "1", "512Mi"),
			},
		},
	}
}

func platformApps() []app {
	return []app{
		{
			namespace: "identity", name: "sso", component: "api", weight: 4, port: 8443, budget: true,
			containers: []corev1.Container{
				container("keycloak", "quay.io/keycloak/keycloak:26.4.5", "80m", "256Mi", "1", "768Mi"),
			},
		},
		{
			namespace: "media", name: "transcoder", component: "worker", profile: "batch", weight: 5,
			containers: []corev1.Container{
				container("transcoder", "registry.example.com/media/transcoder:1.4.7", "", "", "100m", "128Mi"),
			},
		},
		{
			namespace: "media", name: "mailer", component: "worker", profile: "leak", weight: 2,
			containers: []corev1.Container{
				container("mailer", "registry.example.com/media/mailer:2.0.1", "20m", "48Mi", "", "96Mi"),
			},
		},
	}
}
