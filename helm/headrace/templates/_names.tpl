{{/* Names and labels, each in one place. */}}
{{- define "headrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{/* 52 characters: the StatefulSet's pods add a revision hash of up to 11 to it in a label. */}}
{{- define "headrace.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "headrace.selector" -}}
app.kubernetes.io/name: {{ include "headrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "headrace.labels" -}}
{{ include "headrace.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "headrace.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "headrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "headrace.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "headrace.configMap" -}}
{{ .Values.existingConfigMap | default (printf "%s-pipeline" (include "headrace.fullname" .)) }}
{{- end }}

{{/* Refuse what a schema cannot say. */}}
{{- define "headrace.refuse" -}}
{{- if and .Values.pipeline .Values.existingConfigMap -}}
{{- fail "pipeline and existingConfigMap are both set; keep one of them" -}}
{{- end -}}
{{- if and .Values.files .Values.existingConfigMap -}}
{{- fail "files and existingConfigMap are both set; put the files into that ConfigMap" -}}
{{- end -}}
{{- if not (or .Values.pipeline .Values.existingConfigMap) -}}
{{- fail "no pipeline: type --set-file pipeline=pipeline.yaml, or --set existingConfigMap=NAME" -}}
{{- end -}}
{{- end }}
