{{/* Whether a name is a part of this release, of (list $ NAME): "yes" or nothing. */}}
{{- define "tidewright.is-part" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $services := $root.Files.Get "files/services.yaml" | fromYaml }}
{{- $there := false }}
{{- if hasKey $services $name }}
{{- $there = (include "tidewright.service-values" . | fromYaml).enabled }}
{{- else if has $name (list "operator" "postgres" "redis") }}
{{- $there = (get $root.Values $name).enabled }}
{{- else if eq $name "postgres-backup" }}
{{- $there = and $root.Values.postgres.enabled (dig "backup" "enabled" false $root.Values.postgres) }}
{{- else if eq $name "credentials" }}
{{- $there = $root.Values.global.credentials.create }}
{{- else if eq $name "migrations" }}
{{- $there = and $root.Values.migrations.enabled (not (include "tidewright.missing" (list $root "migrator"))) }}
{{- else if eq $name "test" }}
{{- $there = include "tidewright.tested" $root }}
{{- end }}
{{- if $there }}yes{{ end }}
{{- end }}

{{/* Whether it is held to the edges: the operator has a policy of its own to be left out of, of (list $ NAME). */}}
{{- define "tidewright.is-bound" -}}
{{- if include "tidewright.is-part" . }}
{{- if or (ne (index . 1) "operator") (dig "networkPolicy" "create" true (index . 0).Values.operator) }}yes{{ end }}
{{- end }}
{{- end }}

{{/* Peers of a NetworkPolicy that a name stands for, of (list $ NAME); nothing where there are none. */}}
{{- define "tidewright.peers" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $outside := dict "clients" $root.Values.networkPolicy.clientsFrom "prometheus" $root.Values.networkPolicy.metricsFrom "exchanges" $root.Values.networkPolicy.exchangesTo }}
{{- if include "tidewright.is-part" . -}}
- podSelector:
    matchLabels: {{- include "tidewright.selector-of" . | nindent 6 }}
{{- else if and (has $name (list "postgres" "redis")) (get $root.Values $name).external.to -}}
{{ (get $root.Values $name).external.to | toYaml }}
{{- else if get $outside $name -}}
{{ get $outside $name | toYaml }}
{{- else if eq $name "dns" -}}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
# A node's own cache of names.
- ipBlock: {cidr: 169.254.20.10/32}
{{- else if eq $name "api-server" }}
{{- range $root.Values.networkPolicy.apiServer.cidrs }}
- ipBlock: {cidr: {{ . | quote }}}
{{- end }}
{{- else if and (eq $name "runs") $root.Values.global.runNamespaces -}}
- namespaceSelector:
    matchExpressions:
      - {key: kubernetes.io/metadata.name, operator: In, values: {{ $root.Values.global.runNamespaces | toJson }}}
  podSelector:
    matchLabels: {app.kubernetes.io/managed-by: tidewright-operator}
{{- end }}
{{- end }}

{{/* Ports of an edge, of (list $ TO PORTS). */}}
{{- define "tidewright.edge-ports" -}}
{{- $root := index . 0 }}
{{- $to := index . 1 }}
{{- $fact := get ($root.Files.Get "files/services.yaml" | fromYaml) $to }}
{{- range index . 2 }}
{{- if eq (toString .) "api-server" }}
{{- range $root.Values.networkPolicy.apiServer.ports }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- else if has (toString .) (list "rest" "serving") }}
- {port: {{ add 8000 $fact.number }}, protocol: TCP}
{{- if and $fact.grpc (eq . "serving") }}
- {port: {{ add 9000 $fact.number }}, protocol: TCP}
{{- end }}
{{- else if and (has $to (list "postgres" "redis")) (not (get $root.Values $to).enabled) }}
- {port: {{ regexFind ":[0-9]+/" (get $root.Values $to).external.url | trimAll ":/" | default . }}, protocol: TCP}
{{- else }}
{{- if eq $to "dns" }}
- {port: {{ . }}, protocol: UDP}
{{- end }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}
{{- end }}
