{{/* What people type into their browser. */}}
{{- define "atrium.publicUrl" -}}
{{- $edge := .Values.edge -}}
{{- $said := dig "edge" "publicUrl" "" .Values.config -}}
{{- if $said -}}
{{- $said -}}
{{- else if and $edge.ingress.enabled $edge.ingress.host -}}
{{- printf "%s://%s" (ternary "https" "http" (not (empty $edge.ingress.tlsSecret))) $edge.ingress.host -}}
{{- else if and $edge.gateway.enabled $edge.gateway.host -}}
{{- printf "https://%s" $edge.gateway.host -}}
{{- else -}}
{{- printf "%s://localhost:%v" (ternary "https" "http" (not (empty $edge.tls.secretName))) $edge.service.port -}}
{{- end -}}
{{- end -}}

{{/* Where pods reach the edge. With a certificate, by the name that the certificate is for. */}}
{{- define "atrium.hubUrl" -}}
{{- if .Values.edge.tls.secretName -}}
{{- include "atrium.publicUrl" . -}}
{{- else -}}
{{- printf "http://%s-edge.%s.svc:%v" (include "atrium.fullname" .) .Release.Namespace .Values.edge.service.port -}}
{{- end -}}
{{- end -}}

{{/* What the chart knows by itself of atrium.yaml. */}}
{{- define "atrium.ownConfig" -}}
{{- $full := include "atrium.fullname" . -}}
keys: /etc/atrium/keys
edge:
  host: 0.0.0.0
  port: 8000
  publicUrl: {{ include "atrium.publicUrl" . | quote }}
  external:
    name: {{ printf "%s-edges.%s.svc" $full .Release.Namespace }}
    port: 8002
    healthPort: 8003
    drain: {{ int .Values.edge.drainSeconds }}s
  {{- if .Values.edge.tls.secretName }}
  tls:
    certificate: /etc/atrium/tls/tls.crt
    key: /etc/atrium/tls/tls.key
  {{- end }}
controlPlane:
  healthPort: 8004
{{- if .Values.database.existingSecret }}
store:
  urlFile: /etc/atrium/database/url
{{- end }}
scheduler:
  driver: kubernetes
  kubernetes:
    namespace: {{ include "atrium.jobsNamespace" . }}
    instance: {{ include "atrium.clusterName" . }}
    hubUrl: {{ include "atrium.hubUrl" . | quote }}
    {{- if .Values.notebookImage.repository }}
    image: {{ include "atrium.imageOf" (dict "context" . "image" .Values.notebookImage) | quote }}
    imagePullPolicy: {{ .Values.notebookImage.pullPolicy }}
    {{- end }}
    {{- with .Values.jobs.imagePullSecrets }}
    imagePullSecrets: {{ toJson . }}
    {{- end }}
    {{- if .Values.priorityClasses.create }}
    priorityClasses:
      server: {{ include "atrium.clusterName" . }}-server
      batch: {{ include "atrium.clusterName" . }}-batch
      preemptible: {{ include "atrium.clusterName" . }}-preemptible
      placeholder: {{ include "atrium.clusterName" . }}-seat
    {{- end }}
    {{- if .Values.networkPolicies.enabled }}
    networkPolicy:
      enabled: true
      controlPlane:
        namespace: {{ .Release.Namespace }}
        podSelector: {{ include "atrium.selector" . | fromYaml | toJson }}
    {{- end }}
    storage:
      {{- if include "atrium.isShared" . }}
      root:
        claim: {{ include "atrium.jobsClaim" . }}
        keeper:
          url: http://{{ $full }}-keeper.{{ .Release.Namespace }}.svc:8070
          tokenFile: /etc/atrium/keys/keeper.token
      {{- else }}
      homes:
        claimPerUser:
          size: 10G
      {{- end }}
{{- end -}}

{{/* atrium.yaml: the chart's, with what `config` says on top. */}}
{{- define "atrium.config" -}}
{{- mergeOverwrite (include "atrium.ownConfig" . | fromYaml) (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* What cannot be caught by the schema. */}}
{{- define "atrium.check" -}}
{{- if not .Values.image.repository -}}
{{- fail "Say where your images are: image.repository and notebookImage.repository (docs/kubernetes.md, “Images”)." -}}
{{- end -}}
{{- if and (not .Values.notebookImage.repository) (not (dig "scheduler" "kubernetes" "image" "" .Values.config)) -}}
{{- fail "Say which image users' jobs have: notebookImage.repository (docs/kubernetes.md, “Images”)." -}}
{{- end -}}
{{- if and (gt (int .Values.controlPlane.replicas) 1) (not .Values.database.existingSecret) -}}
{{- fail "More than one control plane needs PostgreSQL: database.existingSecret names the Secret with its URL." -}}
{{- end -}}
{{- range .Values.config.services -}}
{{- if .command -}}
{{- fail (printf "The service %s has a command, which would run in the control plane's pod, where there is nothing to run it: give it a Deployment of its own and say its url." .name) -}}
{{- end -}}
{{- end -}}
{{- $kinds := list -}}
{{- range $kind := list "nfs" "csi" "hostPath" "existingClaims" -}}
{{- if index $.Values.storage $kind -}}{{- $kinds = append $kinds $kind -}}{{- end -}}
{{- end -}}
{{- if gt (len $kinds) 1 -}}
{{- fail (printf "storage is one of %s, not several." (join ", " $kinds)) -}}
{{- end -}}
{{- end -}}
