package nodes

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func quantity(s string) resource.Quantity { return resource.MustParse(s) }

// supportObjects returns what stands around a slot's controller. Only the
// first copy of the catalogue has everything: controllers watch the pods of a
// Service or budget one by one, and a copy is there for its number of pods.
func (s slot) supportObjects(selector map[string]string) []object {
	meta := metav1.ObjectMeta{Name: s.name, Namespace: s.namespace, Labels: s.labels()}
	var objects []object
	for _, v := range s.volumes {
		switch {
		case v.ConfigMap != nil:
			objects = append(objects, &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{
				"default.conf": "server {\n  listen 8080;\n  location / { root /usr/share/nginx/html; }\n}\n",
			}})
		case v.Secret != nil:
			objects = append(objects, &corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{
				"signing.key": []byte("simulated: not a key\n"),
			}})
		}
	}
	if s.port != 0 && (s.copy == 1 || s.kind == statefulSet) {
		objects = append(objects, s.service(meta, selector))
	}
	if s.copy > 1 {
		return objects
	}
	if s.budget {
		objects = append(objects, &policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: ptr.To(intstr.FromString("25%")),
			Selector:       &metav1.LabelSelector{MatchLabels: selector},
		}})
	}
	if s.autoscaled {
		objects = append(objects, s.autoscaler(meta))
	}
	return objects
}

func (s slot) service(meta metav1.ObjectMeta, selector map[string]string) object {
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
		Selector: selector,
		Ports:    []corev1.ServicePort{{Name: "main", Port: s.port, TargetPort: intstr.FromString("main")}},
	}}
	if s.kind == statefulSet {
		service.Spec.ClusterIP = corev1.ClusterIPNone
	}
	return service
}

// autoscaler has bounds that leave it nothing to do: the number of pods is what
// the user asked for.
func (s slot) autoscaler(meta metav1.ObjectMeta) object {
	return &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: s.name},
		MinReplicas:    ptr.To(int32(s.replicas)),
		MaxReplicas:    int32(s.replicas),
		Metrics: []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{
					Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To[int32](70),
				},
			},
		}},
	}}
}

// clusterObjects returns what belongs to no namespace.
func clusterObjects() []object {
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Labels: managedByLabels()}
	}
	class := &storagev1.StorageClass{
		ObjectMeta:           meta(storageClass),
		Provisioner:          csiDriver,
		ReclaimPolicy:        ptr.To(corev1.PersistentVolumeReclaimDelete),
		VolumeBindingMode:    ptr.To(storagev1.VolumeBindingWaitForFirstConsumer),
		AllowVolumeExpansion: ptr.To(true),
	}
	class.Annotations = map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}
	return []object{
		class,
		// Nothing has to be attached: there is no attacher to wait for.
		&storagev1.CSIDriver{ObjectMeta: meta(csiDriver), Spec: storagev1.CSIDriverSpec{
			AttachRequired: ptr.To(false), PodInfoOnMount: ptr.To(false),
		}},
		&schedulingv1.PriorityClass{
			ObjectMeta: meta(criticalPriority), Value: 100_000, Description: "What customers notice when it is down.",
		},
	}
}

const batchNamespace = "batch"

// jobPods is the most pods of Jobs that run at once.
const jobPods = 8

// batchObjects returns Jobs that complete and CronJobs that run again and
// again, with bounded history.
func batchObjects() []object {
	return []object{
		&corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Name: "defaults", Namespace: batchNamespace, Labels: managedByLabels()},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type:           corev1.LimitTypeContainer,
				Default:        resources("500m", "256Mi"),
				DefaultRequest: resources("50m", "64Mi"),
			}}},
		},
		job("schema-migration", 1, 1, "registry.example.com/shop/migrations:2025-11"),
		job("thumbnail-backfill", 6, 2, "registry.example.com/media/backfill:1.0.2"),
		cronJob("usage-report", "* * * * *", "registry.example.com/batch/usage-report:1.3.0"),
		cronJob("index-refresh", "*/5 * * * *", "registry.example.com/batch/index-refresh:0.7.1"),
	}
}

func job(name string, completions, parallelism int32, image string) object {
	spec := jobSpec(name, image)
	spec.Completions, spec.Parallelism = ptr.To(completions), ptr.To(parallelism)
	return &batchv1.Job{ObjectMeta: batchMeta(name), Spec: spec}
}

func cronJob(name, schedule, image string) object {
	return &batchv1.CronJob{ObjectMeta: batchMeta(name), Spec: batchv1.CronJobSpec{
		Schedule:                   schedule,
		ConcurrencyPolicy:          batchv1.ForbidConcurrent,
		SuccessfulJobsHistoryLimit: ptr.To[int32](3),
		FailedJobsHistoryLimit:     ptr.To[int32](1),
		JobTemplate: batchv1.JobTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: batchMeta(name).Labels},
			Spec:       jobSpec(name, image),
		},
	}}
}

func batchMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: batchNamespace,
		Labels: withLabels(managedByLabels(), map[string]string{
			nameLabel: name, instanceLabel: name, componentLabel: "job", partOfLabel: batchNamespace,
		})}
}

func jobSpec(name, image string) batchv1.JobSpec {
	return batchv1.JobSpec{
		BackoffLimit: ptr.To[int32](4),
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: batchMeta(name).Labels},
			Spec: corev1.PodSpec{
				RestartPolicy:                corev1.RestartPolicyNever,
				AutomountServiceAccountToken: ptr.To(false),
				Containers:                   []corev1.Container{container(name, image, "", "", "", "")},
			},
		},
	}
}
