{{/* What there is to be of Secrets, as files/credentials.py reads it. */}}
{{- define "tidewright.credentials-plan" -}}
{{- $labels := include "tidewright.labels-of" (list . "credentials") | fromYaml }}
{{- /* The chart's version changes nothing of a Secret. */}}
{{- $labels = omit $labels "helm.sh/chart" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" }}
{{- $names := list }}
{{- $secrets := list }}
{{- range $purpose, $fact := .Files.Get "files/credentials.yaml" | fromYaml }}
{{- if not (include "tidewright.missing" (list $ $purpose)) }}
{{- $names = append $names $purpose }}
{{- $name := include "tidewright.secret" (list $ $purpose) }}
{{- $here := dict "metadata" (dict "name" $name "namespace" $.Release.Namespace "labels" $labels) }}
{{- $secrets = append $secrets (merge (dict "data" (dict "url" (include "tidewright.url" (list $ $purpose true)))) $here) }}
{{- if $fact.runs }}
{{- range without $.Values.global.runNamespaces $.Release.Namespace }}
{{- $there := dict "metadata" (dict "name" $name "namespace" . "labels" $labels) }}
{{- $secrets = append $secrets (merge (dict "data" (dict "url" (include "tidewright.url" (list $ $purpose false)))) $there) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.postgres.enabled }}
{{- $names = concat $names (list "admin" "backup") }}
{{- end }}
{{- if .Values.redis.enabled }}
{{- $users := dict "metadata" (dict "name" (include "tidewright.called" (list . "redis-users")) "namespace" .Release.Namespace "labels" $labels) }}
{{- $secrets = append $secrets (merge (dict "data" (dict "users.acl" (.Files.Get "files/users.acl"))) $users) }}
{{- end }}
{{- $passwords := dict "names" $names "metadata" (dict "name" (include "tidewright.passwords" .) "namespace" .Release.Namespace "labels" $labels) }}
{{- dict "passwords" $passwords "secrets" $secrets | toPrettyJson }}
{{- end }}
