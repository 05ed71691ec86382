{{/* What all names begin with: the release's, with the chart's name unless it holds that already. */}}
{{- define "atrium.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "atrium.jobsNamespace" -}}
{{- $said := dig "scheduler" "kubernetes" "namespace" "" .Values.config -}}
{{- .Values.jobs.namespace | default $said | default (printf "%s-jobs" .Release.Namespace) -}}
{{- end -}}

{{- define "atrium.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "atrium.fullname" .) -}}
{{- end -}}

{{/* Of cluster-wide objects, which releases of other namespaces must not share. */}}
{{- define "atrium.clusterName" -}}
{{- printf "%s-%s" (include "atrium.fullname" .) .Release.Namespace | trunc 55 | trimSuffix "-" -}}
{{- end -}}

{{- define "atrium.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "atrium.selector" . }}
{{- end -}}

{{/* By which the platform's pods are found; with a part: `(dict "context" $ "part" "edge")`. */}}
{{- define "atrium.selector" -}}
app.kubernetes.io/name: atrium
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "atrium.partSelector" -}}
{{ include "atrium.selector" .context }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "atrium.imageOf" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .context.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "atrium.keysSecret" -}}
{{- .Values.keys.existingSecret | default (printf "%s-keys" (include "atrium.fullname" .)) -}}
{{- end -}}

{{/* "yes" where all nodes share a file system, so that there is a keeper; else empty. */}}
{{- define "atrium.isShared" -}}
{{- if or .Values.storage.nfs .Values.storage.csi .Values.storage.hostPath .Values.storage.existingClaims -}}yes{{- end -}}
{{- end -}}

{{- define "atrium.jobsClaim" -}}
{{- dig "existingClaims" "jobs" "" .Values.storage | default (printf "%s-storage" (include "atrium.fullname" .)) -}}
{{- end -}}

{{- define "atrium.platformClaim" -}}
{{- dig "existingClaims" "platform" "" .Values.storage | default (printf "%s-storage" (include "atrium.fullname" .)) -}}
{{- end -}}
