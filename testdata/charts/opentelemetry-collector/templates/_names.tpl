{{- define "name" -}}
{{- default .Chart.Name .Values.nameOverride }}
{{- end }}

{{- /* A release whose name has the chart's in it is not called so twice. */ -}}
{{- define "fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride }}
{{- else if contains (include "name" .) .Release.Name }}{{ .Release.Name }}
{{- else }}{{ .Release.Name }}-{{ include "name" . }}
{{- end }}
{{- end }}

{{- /* What a DaemonSet runs, and its configuration, have a name of their own. */ -}}
{{- define "workload" -}}
{{- include "fullname" . }}{{ if eq .Values.mode "daemonset" }}-agent{{ end }}
{{- end }}

{{- define "account" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "fullname" .) .Values.serviceAccount.name }}
{{- else }}{{ default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "selector" -}}
app.kubernetes.io/name: {{ include "name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "podLabels" -}}
{{ include "selector" . }}
component: {{ if eq .Values.mode "daemonset" }}agent-collector{{ else }}standalone-collector{{ end }}
{{- end }}

{{- define "labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- /* The configuration is a template itself: braces in it are not text. */ -}}
{{- define "configuration" -}}
{{- tpl (toYaml (default .Values.config .Values.alternateConfig)) . }}
{{- end }}

{{- define "memoryLimit" -}}
{{- $limit := .Values.resources.limits.memory }}
{{- if hasSuffix "Gi" $limit }}{{ mulf (trimSuffix "Gi" $limit) 819.2 | floor }}MiB
{{- else if hasSuffix "Mi" $limit }}{{ mulf (trimSuffix "Mi" $limit) 0.8 | floor }}MiB
{{- else }}{{ fail "resources.limits.memory: this chart reads Mi and Gi only" }}
{{- end }}
{{- end }}
