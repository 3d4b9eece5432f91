{{- define "blackbar.name" -}}
{{- if contains "blackbar" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-blackbar" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "blackbar.selector" -}}
app.kubernetes.io/name: blackbar
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "blackbar.labels" -}}
{{ include "blackbar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
