{{/* Whoever is nobody may ask whether it answers, and nothing else; so it need not protect itself from the network. */}}
{{- define "redis.configuration" -}}
redis.conf: |
  dir /data
  bind * -::*
  protected-mode no
  {{- if .Values.tls.secretName }}
  port 0
  tls-port 6379
  tls-cert-file /tls/tls.crt
  tls-key-file /tls/tls.key
  tls-ca-cert-file /tls/ca.crt
  tls-auth-clients no
  {{- else }}
  port 6379
  {{- end }}
  aclfile /users/users.acl
  appendonly yes
  appendfsync {{ .Values.appendfsync }}
  save ""
  maxmemory {{ .Values.maxmemory }}
  maxmemory-policy noeviction
{{- end }}
