{{/* How the metadata of a generated object begins. */}}

{{- define "api.metadata" -}}
metadata:
  labels: {{- include "tidewright.labels" . | nindent 4 }}
{{- end }}

{{- define "api.crd-metadata" -}}
{{ include "api.metadata" . }}
{{- if .Values.crds.keep }}
  annotations: {helm.sh/resource-policy: keep}
{{- end }}
{{- end }}
