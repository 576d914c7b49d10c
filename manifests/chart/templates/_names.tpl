{{/* Names and labels. Fixed names, since the Lease and the documentation name them: one release a cluster. */}}

{{- define "joulefit.image" -}}
{{- if and .Values.image.digest .Values.image.tag -}}
{{- fail "image.tag and image.digest are both given; give one" -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "joulefit.labels" -}}
app.kubernetes.io/part-of: joulefit
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "joulefit.recommender.selector" -}}
app.kubernetes.io/name: joulefit
app.kubernetes.io/component: recommender
{{- end -}}

{{- define "joulefit.collector.selector" -}}
app.kubernetes.io/name: joulefit
app.kubernetes.io/component: collector
{{- end -}}

{{- define "joulefit.collector.namespace" -}}
{{ .Values.collector.namespace | default .Release.Namespace }}
{{- end -}}

{{/* The port of a setting `listen`, or the usual one. Called with (list value default). */}}
{{- define "joulefit.port" -}}
{{- $listen := index . 0 | default (index . 1) -}}
{{ last (splitList ":" $listen) }}
{{- end -}}

{{- define "joulefit.recommender.port" -}}
{{ include "joulefit.port" (list .Values.recommender.settings.listen "0.0.0.0:8942") }}
{{- end -}}

{{- define "joulefit.collector.port" -}}
{{ include "joulefit.port" (list .Values.collector.settings.listen "0.0.0.0:9402") }}
{{- end -}}

{{/* Settings as variables, in the order of their names. */}}
{{- define "joulefit.settings" -}}
{{- range $name, $value := . }}
- name: JOULEFIT_{{ $name | replace "-" "_" | upper }}
  value: {{ include "joulefit.text" $value | quote }}
{{- end -}}
{{- end -}}

{{/* Helm reads whole numbers as floats and would write a million as 1e+06. */}}
{{- define "joulefit.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ toString . }}{{ end -}}
{{- end -}}

{{- define "joulefit.apiServer" -}}
{{- if .Values.apiServer.host }}
- name: KUBERNETES_SERVICE_HOST
  value: {{ .Values.apiServer.host | quote }}
- name: KUBERNETES_SERVICE_PORT
  value: {{ .Values.apiServer.port | default 443 | toString | quote }}
{{- end -}}
{{- end -}}

{{- define "joulefit.usesOperator" -}}
{{- $wanted := toString .Values.monitoring.prometheusOperator -}}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
yes
{{- end -}}
{{- end -}}

{{/* What the schema cannot see: values that do not go together. */}}
{{- define "joulefit.check" -}}
{{- if not .Values.store.url -}}
{{- fail "store.url is empty; name your Prometheus, Thanos, Mimir or VictoriaMetrics" -}}
{{- end -}}
{{- if and (gt (int .Values.recommender.replicas) 1) (index .Values.recommender.settings "no-lease") -}}
{{- fail "recommender.settings.no-lease with several replicas would let all of them write; set recommender.replicas to 1" -}}
{{- end -}}
{{- if and .Values.collector.enabled .Values.namespace.create (eq (include "joulefit.collector.namespace" .) .Release.Namespace) -}}
{{- fail "collector.namespace is that of the recommender, whose Pod Security level \"restricted\" forbids the collector's mounts; give it one of its own" -}}
{{- end -}}
{{- if hasKey .Values.monitoring.endpoint "relabelings" -}}
{{- fail "monitoring.endpoint.relabelings would take the place of the chart's own, which give collectors their node; give monitoring.relabelings, which come behind them" -}}
{{- end -}}
{{- if and .Values.apiServer.port (not .Values.apiServer.host) -}}
{{- fail "apiServer.port is given without apiServer.host" -}}
{{- end -}}
{{- end -}}
