package nodes

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// container returns a container with the given requests and limits; an empty
// quantity is one that is not set.
func container(name, image, cpuRequest, memoryRequest, cpuLimit, memoryLimit string) corev1.Container {
	return corev1.Container{
		Name:  name,
		Image: image,
		Resources: corev1.ResourceRequirements{
			Requests: resources(cpuRequest, memoryRequest),
			Limits:   resources(cpuLimit, memoryLimit),
		},
	}
}

func resources(cpu, memory string) corev1.ResourceList {
	list := corev1.ResourceList{}
	if cpu != "" {
		list[corev1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[corev1.ResourceMemory] = resource.MustParse(memory)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// withScratch adds a request and a limit of ephemeral storage.
func withScratch(c corev1.Container, request, limit string) corev1.Container {
	c.Resources.Requests[corev1.ResourceEphemeralStorage] = resource.MustParse(request)
	c.Resources.Limits[corev1.ResourceEphemeralStorage] = resource.MustParse(limit)
	return c
}

// mounted adds volume mounts, given as pairs of volume and path.
func mounted(c corev1.Container, pairs ...string) corev1.Container {
	for i := 0; i+1 < len(pairs); i += 2 {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: pairs[i], MountPath: pairs[i+1]})
	}
	return c
}

func configMapVolume(name, configMap string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: configMap}},
	}}
}

func secretVolume(name, secret string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret},
	}}
}

func emptyDirVolume(name string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}
}

func memoryVolume(name, limit string) corev1.Volume {
	size := resource.MustParse(limit)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &size},
	}}
}

func hostPathVolume(name, path string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		HostPath: &corev1.HostPathVolumeSource{Path: path},
	}}
}
