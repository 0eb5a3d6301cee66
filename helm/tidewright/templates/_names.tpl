{{/* Names and labels of every part. Inside a part `.Chart` is the part's own chart. */}}

{{- define "tidewright.name" -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What a part's pods are selected by: never changes between versions. */}}
{{- define "tidewright.selector" -}}
app.kubernetes.io/name: tidewright
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .Chart.Name }}
{{- end }}

{{- define "tidewright.labels" -}}
{{ include "tidewright.selector" . }}
app.kubernetes.io/part-of: tidewright
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* An image's reference, of (list . IMAGE): the digest where there is one, else the tag, else the version of the application. */}}
{{- define "tidewright.image" -}}
{{- $chart := (index . 0).Chart }}
{{- with index . 1 }}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}{{ else }}{{ printf "%s:%s" .repository (.tag | default $chart.AppVersion) }}{{ end }}
{{- end }}
{{- end }}

{{/* The same for what the umbrella itself renders, of (list $ COMPONENT). */}}
{{- define "tidewright.called" -}}
{{ printf "%s-%s" (index . 0).Release.Name (index . 1) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tidewright.selector-of" -}}
app.kubernetes.io/name: tidewright
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "tidewright.labels-of" -}}
{{ include "tidewright.selector-of" . }}
app.kubernetes.io/part-of: tidewright
{{- with index . 0 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
{{- end }}

{{/* The name of a Job, of (list $ COMPONENT SPEC): a Job cannot be changed, so another one does what has changed. */}}
{{- define "tidewright.job" -}}
{{ printf "%s-%s" (printf "%s-%s" (index . 0).Release.Name (index . 1) | trunc 54) (index . 2 | sha256sum | trunc 8) }}
{{- end }}
