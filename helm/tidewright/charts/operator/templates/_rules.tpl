{{/*
What the operator may do where the resources are. No Secrets, no exec, no logs, no roles: a test asks the API server for each.
What it writes by server-side apply takes `patch`, and `create` for the first time.
*/}}
{{- define "operator.rules" -}}
# The resources themselves: read and followed.
- apiGroups: [tidewright.io]
  resources: [backtestruns, optimizationstudies, rltrainings, tradingstrategies]
  verbs:
    - get # a resource as it is now, before anything is done about it
    - list # what a watch begins with, and the list that heals what it missed
    - watch # changes, as they happen
# Only of a study is anything but the status ever written: the finalizer of one whose trials are to go with it.
- apiGroups: [tidewright.io]
  resources: [optimizationstudies]
  verbs:
    - patch # hold it back until its trials are removed, and let it go
# How they stand.
- apiGroups: [tidewright.io]
  resources: [backtestruns/status, optimizationstudies/status, rltrainings/status, tradingstrategies/status]
  verbs:
    - patch # the status, by server-side apply
# That their children hold their deletion up, which OwnerReferencesPermissionEnforcement, where it is on, asks this of.
- apiGroups: [tidewright.io]
  resources: [backtestruns/finalizers, optimizationstudies/finalizers, rltrainings/finalizers, tradingstrategies/finalizers]
  verbs:
    - update # the owner reference of a child
# What runs.
- apiGroups: [batch]
  resources: [jobs]
  verbs:
    - get # how an attempt ended
    - list # what a watch begins with
    - watch # that it has ended
    - create # one an attempt, and a study's
    - patch # suspend and resume; and how many workers there are
    - delete # once it has been kept as long as was asked for, or its record is lost
# A worker's record is the termination message of its pod.
- apiGroups: [""]
  resources: [pods]
  verbs:
    - list # a Job's, by label
# What a Job or a signal service is to run.
- apiGroups: [""]
  resources: [configmaps]
  verbs:
    - get # whether it has been written; and the floor that the namespace's owner sets
    - list # a strategy's, by label
    - create # one a run, and one a version of a strategy
    - patch # a strategy's, by server-side apply
    - delete # of a version that is served no more
# What has happened, for kubectl describe.
- apiGroups: [""]
  resources: [events]
  verbs:
    - create # each is written once
# A strategy's signal service. It goes with its strategy, which is nobody's to delete here.
- apiGroups: ["", apps, policy, networking.k8s.io]
  resources: [deployments, services, serviceaccounts, poddisruptionbudgets, networkpolicies]
  verbs:
    - get # what is there, before it is changed
    - list # what a watch begins with
    - watch # that pods have become ready, and that somebody has changed or deleted something
    - create # once, by server-side apply
    - patch # when the strategy changes, by server-side apply
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs:
    - delete # when one pod alone is left
{{- end }}
