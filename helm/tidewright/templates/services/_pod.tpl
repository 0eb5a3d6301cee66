{{/* The pod of a service, of the dictionary of `tidewright.service`. */}}
{{- define "tidewright.service-pod" -}}
{{- $about := list .root .name }}
{{- $probe := printf "port: rest, scheme: %s" (ternary "HTTPS" "HTTP" (ne .set.tls.secretName "")) }}
metadata:
  labels: {{- include "tidewright.selector-of" $about | nindent 4 }}
  annotations:
    # Where its servers are has changed, so it begins anew.
    tidewright.io/servers: {{ include "tidewright.service-urls" . | sha256sum | trunc 16 | quote }}
    {{- with .set.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tidewright.called" $about }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 60
  securityContext: {{- include "tidewright.pod-security" 65532 | nindent 4 }}
  {{- if .fact.schema }}
  initContainers:
    {{- include "tidewright.schema-awaited" .root | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "tidewright.image" (list .root .set.image) }}
      imagePullPolicy: {{ .set.image.pullPolicy }}
      {{- with .fact.command }}
      command: {{- toYaml . | nindent 8 }}
      {{- end }}
      env: {{- include "tidewright.service-env" . | nindent 8 }}
      ports:
        - {name: rest, containerPort: {{ add 8000 .fact.number }}}
        {{- if .fact.grpc }}
        - {name: grpc, containerPort: {{ add 9000 .fact.number }}}
        {{- end }}
      startupProbe:
        httpGet: {path: {{ .fact.ready | default "/healthz" }}, {{ $probe }}}
        periodSeconds: 2
        failureThreshold: 90
      livenessProbe:
        httpGet: {path: {{ .fact.ready | default "/healthz" }}, {{ $probe }}}
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: {{ .fact.ready | default "/readyz" }}, {{ $probe }}}
        periodSeconds: 5
        timeoutSeconds: 5
      resources: {{- toYaml .set.resources | nindent 8 }}
      securityContext: {{- include "tidewright.container-security" . | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- with .fact.keeps }}
        - {name: kept, mountPath: {{ .path }}}
        {{- end }}
        {{- if .set.tls.secretName }}
        - {name: tls, mountPath: /tls, readOnly: true}
        {{- end }}
        {{- include "tidewright.authority-mounts" .root | nindent 8 }}
  volumes:
    - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
    {{- if and .fact.keeps .set.volume.claim }}
    - {name: kept, persistentVolumeClaim: {claimName: {{ .set.volume.claim }}}}
    {{- end }}
    {{- with .set.tls.secretName }}
    - {name: tls, secret: {secretName: {{ . }}}}
    {{- end }}
    {{- include "tidewright.authorities" .root | nindent 4 }}
  affinity: {{- include "tidewright.apart" (include "tidewright.selector-of" $about) | nindent 4 }}
  {{- include "tidewright.placement" (list .root .set) | nindent 2 }}
{{- end }}

{{/* Its environment: what is set, and then what the chart knows and nobody has set. */}}
{{- define "tidewright.service-env" -}}
{{- $known := dict }}
{{- if .fact.grpc }}
{{- $known = dict "TIDEWRIGHT_REST_PORT" (add 8000 .fact.number) "TIDEWRIGHT_GRPC_PORT" (add 9000 .fact.number) "TIDEWRIGHT_DRAIN" "5" }}
{{- end }}
{{- with .set.tls.secretName }}
{{- $_ := set $known "TIDEWRIGHT_TLS" "/tls" }}
{{- end }}
{{- with .fact.keeps }}
{{- with .variable }}
{{- $_ := set $known . $.fact.keeps.path }}
{{- end }}
{{- end }}
{{- range $variable, $template := .fact.env }}
{{- $_ := set $known $variable (tpl $template $.root) }}
{{- end }}
{{- range $variable, $value := mergeOverwrite $known .set.env }}
- {name: {{ $variable }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- range $variable, $purpose := .fact.secrets }}
{{- if not (hasKey $.set.env $variable) }}
- {name: {{ $variable }}, valueFrom: {secretKeyRef: {name: {{ include "tidewright.secret" (list $.root $purpose) }}, key: url}}}
{{- end }}
{{- end }}
{{- end }}

{{/* A container that ends once Postgres has this version's schema; it says meanwhile what is missing. */}}
{{- define "tidewright.schema-awaited" -}}
- name: schema
  image: {{ include "tidewright.image" (list . .Values.jobs.image) }}
  imagePullPolicy: {{ .Values.jobs.image.pullPolicy }}
  command: [sh, -c, "until tidewright db check; do sleep 2; done"]
  env:
    - {name: TIDEWRIGHT_DATABASE, valueFrom: {secretKeyRef: {name: {{ include "tidewright.secret" (list . "reader") }}, key: url}}}
  resources: {{- toYaml .Values.jobs.resources | nindent 4 }}
  securityContext: {{- include "tidewright.container-security" . | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "tidewright.authority-mounts" . | nindent 4 }}
{{- end }}

{{- define "tidewright.service-urls" -}}
{{- range .fact.secrets }}
{{ include "tidewright.url" (list $.root . true) }}
{{- end }}
{{- end }}
