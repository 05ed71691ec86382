{{/*
What every pod of the platform has: `(dict "context" $ "part" "edge" "values" .Values.edge "reads" CONFIG)`, where `reads` is what it goes by of
atrium.yaml: with that it is replaced, and not with anything else that changes.
*/}}
{{- define "atrium.podMetadata" -}}
labels:
  {{- include "atrium.labels" .context | nindent 2 }}
  app.kubernetes.io/component: {{ .part }}
  {{- with .values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  checksum/config: {{ .reads | toJson | sha256sum }}
  {{- with .values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{- define "atrium.podPlace" -}}
{{- with .context.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "atrium.partSelector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end -}}

{{/* The restricted Pod Security Standard. */}}
{{- define "atrium.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "atrium.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "atrium.container" -}}
image: {{ include "atrium.imageOf" (dict "context" .context "image" .context.Values.image) | quote }}
imagePullPolicy: {{ .context.Values.image.pullPolicy }}
resources: {{- toYaml .values.resources | nindent 2 }}
{{- end -}}

{{- define "atrium.env" -}}
# What Node has compiled is kept while the pod lives, for a process that is started again.
- name: NODE_COMPILE_CACHE
  value: /tmp/compile-cache
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The configuration and those keys that the part needs: `keys` names them. */}}
{{- define "atrium.volumes" -}}
{{- if .reads }}
- name: config
  configMap:
    name: {{ include "atrium.fullname" .context }}
{{- end }}
- name: keys
  secret:
    secretName: {{ include "atrium.keysSecret" .context }}
    defaultMode: 0440
    items:
      {{- range .keys }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 256Mi
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "atrium.volumeMounts" -}}
{{- if .reads }}
- name: config
  mountPath: /etc/atrium/atrium.yaml
  subPath: atrium.yaml
  readOnly: true
{{- end }}
- name: keys
  mountPath: /etc/atrium/keys
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
