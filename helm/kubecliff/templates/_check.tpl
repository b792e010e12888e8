{{- /* What no schema can say of values. */}}
{{- define "kubecliff.check" -}}
{{- if and .Values.webConfigSecret .Values.kubeRBACProxy.enabled }}
{{- fail "webConfigSecret and kubeRBACProxy: both would ask who a client is; set one of them" }}
{{- end }}
{{- if and .Values.prometheus.monitor.enabled .Values.prometheus.podMonitor.enabled }}
{{- fail "prometheus: monitor and podMonitor would scrape every pod twice; enable one of them" }}
{{- end }}
{{- if and .Values.prometheus.monitor.enabled (not .Values.service.enabled) }}
{{- fail "prometheus.monitor: it finds pods by the Service; enable that, or podMonitor in its place" }}
{{- end }}
{{- if and .Values.canary.enabled .Values.canary.namespace }}
{{- fail "canary.namespace: the canary of this release runs in its namespace; the value is for one of another release" }}
{{- end }}
{{- if and .Values.sidecar.enabled (or .Values.collectors.propagation .Values.kubeRBACProxy.enabled) }}
{{- fail "sidecar: collectors.propagation and kubeRBACProxy take a service account of their own; kube-proxy's pods have another" }}
{{- end }}
{{- $alerts := include "kubecliff.alerts" . | fromYaml }}
{{- $severities := list "info" "warning" "critical" }}
{{- range $check, $bounds := .Values.thresholds }}
{{- $its := get $alerts (include "kubecliff.alertOfCheck" $check) }}
{{- if not $its }}
{{- fail (printf "thresholds.%s: alerts/thresholds.yaml has no such check" $check) }}
{{- end }}
{{- range $key, $_ := $bounds }}
{{- if not (hasKey $its (trimSuffix "-for" $key)) }}
{{- fail (printf "thresholds.%s.%s: the check has only %s" $check $key (keys $its | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $alert, $changes := .Values.prometheus.rules.alerts }}
{{- $its := get $alerts $alert }}
{{- if not $its }}
{{- fail (printf "prometheus.rules.alerts.%s: there is no such alert" $alert) }}
{{- end }}
{{- range $severity := $severities }}
{{- if and (hasKey $changes $severity) (not (hasKey $its $severity)) }}
{{- fail (printf "prometheus.rules.alerts.%s.%s: the alert has only %s" $alert $severity (keys $its | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
