{{- define "container" -}}
image: {{ include "image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.command.name }}
command: [/{{ . }}]
{{- end }}
args:
  - --config=/conf/relay.yaml
  {{- range .Values.command.extraArgs }}
  - {{ . }}
  {{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
env:
  - {name: MY_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  - {name: OTEL_K8S_NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
  - {name: OTEL_K8S_NODE_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
  - {name: OTEL_K8S_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
  - {name: OTEL_K8S_POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: OTEL_K8S_POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  {{- if and .Values.useGOMEMLIMIT (dig "limits" "memory" "" .Values.resources) }}
  - {name: GOMEMLIMIT, value: {{ include "memoryLimit" . }}}
  {{- end }}
  {{- with .Values.extraEnvs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $ports := include "containerPorts" . }}
{{- if $ports }}
ports:
  {{- $ports | nindent 2 }}
{{- end }}
livenessProbe:
  {{- toYaml .Values.livenessProbe | nindent 2 }}
readinessProbe:
  {{- toYaml .Values.readinessProbe | nindent 2 }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: {{ .Chart.Name }}-configmap, mountPath: /conf}
  {{- with .Values.extraVolumeMounts }}
  {{- tpl (toYaml .) $ | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "containerPorts" -}}
{{- range $port, $p := .Values.ports }}
{{- if $p.enabled }}
- name: {{ $port }}
  containerPort: {{ $p.containerPort }}
  protocol: {{ $p.protocol }}
  {{- if and $p.hostPort (eq $.Values.mode "daemonset") }}
  hostPort: {{ $p.hostPort }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
