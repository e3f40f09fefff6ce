{{- define "helm-promoter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "helm-promoter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{- $name := include "helm-promoter.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "helm-promoter.selector" -}}
app.kubernetes.io/name: {{ include "helm-promoter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "helm-promoter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "helm-promoter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "helm-promoter.metadata" -}}
name: {{ include "helm-promoter.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "helm-promoter.labels" . | nindent 2 }}
{{- end }}

{{- define "helm-promoter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "helm-promoter.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* The namespaces of the cluster that the program runs in, as the config lists them: a JSON list. */ -}}
{{- define "helm-promoter.namespaces" -}}
{{- $names := list -}}
{{- range .Values.config.promotions -}}
{{- if .staging.cluster.inCluster -}}
{{- $names = concat $names .staging.namespaces -}}
{{- end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson }}
{{- end }}

{{- define "helm-promoter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}
