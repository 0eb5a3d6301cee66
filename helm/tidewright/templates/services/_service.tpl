{{/* What is set of a service: its own values before those of all, of (list $ NAME). */}}
{{- define "tidewright.service-values" -}}
{{- with (index . 0).Values.services }}
{{- mergeOverwrite (deepCopy .defaults) (deepCopy (get . (index $ 1))) | toYaml }}
{{- end }}
{{- end }}

{{/* Everything of a service, of a dictionary: root, name, fact (its row of files/services.yaml), set (its values). */}}
{{- define "tidewright.service" -}}
{{- include "tidewright.service-refusals" . }}
{{- $about := list .root .name }}
{{- $called := include "tidewright.called" $about }}
{{- $several := or (gt (int .set.replicas) 1) (gt (int .set.autoscaling.maxReplicas) 1) }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $called }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidewright.labels-of" $about | nindent 4 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $called }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidewright.labels-of" $about | nindent 4 }}
spec:
  selector: {{- include "tidewright.selector-of" $about | nindent 4 }}
  ports:
    - {name: rest, port: {{ add 8000 .fact.number }}, targetPort: rest, appProtocol: {{ ternary "https" "http" (ne .set.tls.secretName "") }}}
    {{- if .fact.grpc }}
    - {name: grpc, port: {{ add 9000 .fact.number }}, targetPort: grpc, appProtocol: grpc}
    {{- end }}
---
# Its pods have names of their own, which stay through restarts: a consumer of the streams goes on with what it had begun.
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $called }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidewright.labels-of" $about | nindent 4 }}
spec:
  serviceName: {{ $called }}
  {{- if le (int .set.autoscaling.maxReplicas) 0 }}
  replicas: {{ .set.replicas }}
  {{- end }}
  podManagementPolicy: Parallel
  selector:
    matchLabels: {{- include "tidewright.selector-of" $about | nindent 6 }}
  template: {{- include "tidewright.service-pod" . | nindent 4 }}
  {{- if and .fact.keeps (not .set.volume.claim) }}
  volumeClaimTemplates:
    - metadata:
        name: kept
        labels: {{- include "tidewright.selector-of" $about | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .set.volume.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ .set.volume.size }}}}
  {{- end }}
{{- if $several }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $called }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidewright.labels-of" $about | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "tidewright.selector-of" $about | nindent 6 }}
{{- end }}
{{- if gt (int .set.autoscaling.maxReplicas) 0 }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $called }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "tidewright.labels-of" $about | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: {{ $called }}}
  minReplicas: {{ .set.replicas }}
  maxReplicas: {{ .set.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .set.autoscaling.cpu }}}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 600}
{{- end }}
{{- end }}

{{/* What cannot be meant ends the rendering, with the remedy. */}}
{{- define "tidewright.service-refusals" -}}
{{- $value := printf "services.%s" .name }}
{{- range $variable, $purpose := .fact.secrets }}
{{- with include "tidewright.missing" (list $.root $purpose) }}
{{- fail (printf "%s needs one, and %s; or leave it out: %s.enabled=false" $value . $value) }}
{{- end }}
{{- end }}
{{- if not .set.image.repository }}
{{- fail (printf "%s.image.repository is empty: name the service's image" $value) }}
{{- end }}
{{- $several := or (gt (int .set.replicas) 1) (gt (int .set.autoscaling.maxReplicas) 0) }}
{{- if and $several (not .fact.scales) (or .fact.keeps (gt (int .set.autoscaling.maxReplicas) 0)) }}
{{- fail (printf "%s: its work cannot be shared by several pods; leave replicas at 1 and autoscaling.maxReplicas at 0" $value) }}
{{- end }}
{{- if and $several .fact.keeps (not .set.volume.claim) }}
{{- fail (printf "%s: several pods share one volume; name a PersistentVolumeClaim that is ReadWriteMany as %s.volume.claim" $value $value) }}
{{- end }}
{{- if and .set.tls.secretName (not .fact.grpc) }}
{{- fail (printf "%s.tls: it has no TLS of its own; put a proxy before it" $value) }}
{{- end }}
{{- end }}
