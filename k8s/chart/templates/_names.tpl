{{- define "sidecar.name" -}}model-sidecar-webhook{{- end }}

{{- define "sidecar.labels" -}}
app.kubernetes.io/name: model-sidecar
app.kubernetes.io/component: webhook
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "sidecar.selector" -}}
app.kubernetes.io/name: model-sidecar
app.kubernetes.io/component: webhook
{{- end }}

{{- define "sidecar.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}
