{{- define "postgres.configuration" -}}
postgresql.conf: |
  listen_addresses = '*'
  unix_socket_directories = '/tmp'
  password_encryption = scram-sha-256
  max_connections = 200
  shared_buffers = 256MB
  {{- if .Values.tls.secretName }}
  ssl = on
  ssl_cert_file = '/tls/tls.crt'
  ssl_key_file = '/tls/tls.key'
  ssl_min_protocol_version = 'TLSv1.2'
  {{- end }}
  {{- range $name, $value := .Values.parameters }}
  {{ $name }} = '{{ $value | toString | replace "'" "''" }}'
  {{- end }}
pg_hba.conf: |
  # Whoever is the server's own user in its pod, for its administrator's `kubectl exec`.
  local all postgres peer
  local all all scram-sha-256
  {{ ternary "host   " "hostssl" (eq .Values.tls.secretName "") }} all all all scram-sha-256
start.sh: |
  {{- .Files.Get "files/start.sh" | nindent 2 }}
backup.sh: |
  {{- .Files.Get "files/backup.sh" | nindent 2 }}
{{- end }}

{{/* The file of one password, of (list $ NAME). */}}
{{- define "postgres.password" -}}
secret:
  secretName: {{ include "tidewright.passwords" (index . 0) }}
  defaultMode: 0440
  items: [{key: {{ index . 1 }}, path: {{ index . 1 }}}]
{{- end }}
