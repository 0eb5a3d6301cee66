{{/* Where Postgres and Redis are, ours or somebody else's. */}}

{{/* The Secret with the URL of a purpose, of (list $ PURPOSE). */}}
{{- define "tidewright.secret" -}}
{{ include "tidewright.called" . }}
{{- end }}

{{- define "tidewright.passwords" -}}
{{ .Values.global.credentials.secretName | default (include "tidewright.called" (list . "credentials")) }}
{{- end }}

{{/* Why a purpose cannot be served, empty where it can, of (list $ PURPOSE). */}}
{{- define "tidewright.missing" -}}
{{- $root := index . 0 }}
{{- $server := (get ($root.Files.Get "files/credentials.yaml" | fromYaml) (index . 1)).server }}
{{- with get $root.Values $server }}
{{- if not (or .enabled .external.url (not $root.Values.global.credentials.create)) -}}
there is no {{ $server }}: set {{ $server }}.enabled=true, or {{ $server }}.external.url to one that is there
{{- end }}
{{- end }}
{{- end }}

{{/* The URL of a server without user and password, of (list $ SERVER VERIFIED): whoever has no file of the authority cannot verify it. */}}
{{- define "tidewright.server" -}}
{{- $root := index . 0 }}
{{- $server := index . 1 }}
{{- $values := get $root.Values $server }}
{{- $host := printf "%s.%s.svc" (include "tidewright.called" (list $root $server)) $root.Release.Namespace }}
{{- if not $values.enabled -}}
{{ $values.external.url }}
{{- else if eq $server "postgres" -}}
{{- $tls := ternary (printf "verify-full&sslrootcert=/certificates/postgres/ca.crt") "require" (index . 2) -}}
postgresql://{{ $host }}:5432/tidewright?sslmode={{ ternary $tls "disable" (ne $values.tls.secretName "") }}
{{- else if $values.tls.secretName -}}
rediss://{{ $host }}:6379/0{{ if index . 2 }}?ca=/certificates/redis/ca.crt{{ end }}
{{- else -}}
redis://{{ $host }}:6379/0
{{- end }}
{{- end }}

{{/* The URL of a purpose with `{PASSWORD}` where the password belongs, of (list $ PURPOSE VERIFIED). */}}
{{- define "tidewright.url" -}}
{{- $purpose := index . 1 }}
{{- $fact := get ((index . 0).Files.Get "files/credentials.yaml" | fromYaml) $purpose }}
{{- $url := include "tidewright.server" (list (index . 0) $fact.server (index . 2)) }}
{{- with $fact.database }}
{{- $url = regexReplaceAll "(://[^/]+/)[^?]*" $url (printf "${1}%s" .) }}
{{- end }}
{{- $url | replace "://" (printf "://%s:{%s}@" $purpose $purpose) }}
{{- end }}

{{/* Volumes with the authorities of the servers that have certificates of ours, of $. */}}
{{- define "tidewright.authorities" -}}
{{- range $server := list "postgres" "redis" }}
{{- with get $.Values $server }}
{{- if and .enabled .tls.secretName }}
- name: {{ $server }}-authority
  secret: {secretName: {{ .tls.secretName }}, items: [{key: ca.crt, path: ca.crt}]}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tidewright.authority-mounts" -}}
{{- range $server := list "postgres" "redis" }}
{{- with get $.Values $server }}
{{- if and .enabled .tls.secretName }}
- {name: {{ $server }}-authority, mountPath: /certificates/{{ $server }}, readOnly: true}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where MLflow is; empty where there is none. */}}
{{- define "tidewright.tracking" -}}
{{- if (include "tidewright.service-values" (list . "mlflow-tracking") | fromYaml).enabled -}}
http://{{ include "tidewright.called" (list . "mlflow-tracking") }}:8010
{{- end }}
{{- end }}
