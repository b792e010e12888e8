{{- /* A component's pods. All parts below take (dict "root" $ "component" … "values" … "args" …), where values are the
component's own. */}}
{{- define "kubecliff.podTemplate" -}}
{{- $root := .root }}{{ $node := eq .component "node" -}}
metadata:
  labels:
    {{- $own := set (include "kubecliff.selector" $root | fromYaml) "app.kubernetes.io/component" .component }}
    {{- merge $own .values.podLabels $root.Values.commonLabels | toYaml | nindent 4 }}
  annotations:
    kubectl.kubernetes.io/default-container: kubecliff
    {{- if include "kubecliff.configItems" . }}
    checksum/config: {{ include "kubecliff.files" $root | sha256sum }}
    {{- end }}
    {{- with .values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "kubecliff.serviceAccountName" (list $root .component) }}
  automountServiceAccountToken: {{ include "kubecliff.takesToken" . }}
  {{- with concat $root.Values.imagePullSecrets $root.Values.global.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name") }}
    {{- end }}
  {{- end }}
  {{- with $root.Values.securityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $node }}
  hostNetwork: true
  {{- include "kubecliff.hostPID" $root | nindent 2 }}
  dnsPolicy: {{ .values.dnsPolicy }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- range $key := list "dnsConfig" "nodeSelector" "tolerations" "affinity" }}
  {{- with get $.values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with and $node .values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "kubecliff.container" . | nindent 6 | trim }}
    {{- if $root.Values.kubeRBACProxy.enabled }}
    - {{ include "kubecliff.proxy" . | nindent 6 | trim }}
    {{- end }}
    {{- with and $node .values.sidecars }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "kubecliff.volumes" . | trim }}
  volumes:
    {{- . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* The API is for the canary, for nodes that watch it, and for kube-rbac-proxy. */}}
{{- define "kubecliff.takesToken" -}}
{{- $values := .root.Values -}}
{{ or $values.kubeRBACProxy.enabled (eq .component "canary") (and (eq .component "node") $values.collectors.propagation) }}
{{- end }}

{{- define "kubecliff.hostPID" -}}
hostPID: {{ or .Values.collectors.restore .Values.collectors.kubeproxy }}
{{- end }}

{{- define "kubecliff.container" -}}
{{- $root := .root }}{{ $node := eq .component "node" }}{{ $proxy := $root.Values.kubeRBACProxy -}}
name: kubecliff
image: {{ include "kubecliff.image" (list $root $root.Values.image) }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
args:
  {{- toYaml .args | nindent 2 }}
  - --web.listen-address={{ $proxy.enabled | ternary (printf "127.0.0.1:%v" $proxy.port) (include "kubecliff.address" (list $root .component)) }}
  {{- if and (include "kubecliff.webSources" $root) (not $proxy.enabled) }}
  - --web.config.file=/etc/kubecliff/web/web.yml
  {{- end }}
  {{- with .values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with include "kubecliff.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- if not $proxy.enabled }}
ports:
  - {name: metrics, containerPort: {{ $root.Values.service.port }}, protocol: TCP}
{{- end }}
{{- with $root.Values.livenessProbe }}
livenessProbe:
  {{- include "kubecliff.probe" (list $root "/-/healthy" .) | nindent 2 }}
{{- end }}
{{- with $root.Values.readinessProbe }}
readinessProbe:
  {{- include "kubecliff.probe" (list $root "/-/ready" .) | nindent 2 }}
{{- end }}
{{- with .values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include ($node | ternary "kubecliff.containerSecurityContext" "kubecliff.unprivileged") $root | nindent 2 }}
{{- with include "kubecliff.mounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "kubecliff.env" -}}
{{- if eq .component "node" }}
- {name: NODE_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
{{- if not (or .root.Values.service.listenOnAllInterfaces .root.Values.kubeRBACProxy.enabled) }}
- {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
{{- end }}
{{- else if eq .component "canary" }}
- {name: POD_IPS, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}
{{- end }}
{{- range $name, $value := .values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- /* Where users or client certificates may be asked for, kubelet has none. */}}
{{- define "kubecliff.probe" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.webConfigSecret -}}
tcpSocket: {port: {{ $root.Values.service.port }}}
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: {{ $root.Values.service.port }}
  scheme: {{ include "kubecliff.scheme" $root | upper }}
{{- end }}
{{ toYaml (index . 2) }}
{{- end }}

{{- define "kubecliff.proxy" -}}
{{- $root := .root }}{{ $proxy := $root.Values.kubeRBACProxy -}}
name: kube-rbac-proxy
image: {{ include "kubecliff.image" (list $root $proxy.image) }}
imagePullPolicy: {{ $proxy.image.pullPolicy }}
args:
  - --secure-listen-address={{ include "kubecliff.address" (list $root .component) }}
  - --upstream=http://127.0.0.1:{{ $proxy.port }}/
  - --ignore-paths=/-/healthy,/-/ready
  {{- if $root.Values.tlsSecret.enabled }}
  - --tls-cert-file=/etc/tls/tls.crt
  - --tls-private-key-file=/etc/tls/tls.key
  {{- end }}
  {{- with $proxy.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if and (eq .component "node") (not $root.Values.service.listenOnAllInterfaces) }}
env:
  - {name: HOST_IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
{{- end }}
ports:
  - {name: metrics, containerPort: {{ $root.Values.service.port }}, protocol: TCP}
{{- with $proxy.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "kubecliff.unprivileged" $root | nindent 2 }}
{{- if $root.Values.tlsSecret.enabled }}
volumeMounts:
  - {name: kubecliff-web, mountPath: /etc/tls, readOnly: true}
{{- end }}
{{- end }}

{{- /* What is in the folder of TLS and users. */}}
{{- define "kubecliff.webSources" -}}
{{- $tls := .Values.tlsSecret }}
{{- if $tls.enabled }}
- secret:
    name: {{ $tls.secretName | required "tlsSecret.secretName: which Secret has the certificate?" }}
    items:
      - {key: {{ $tls.certItem }}, path: tls.crt}
      - {key: {{ $tls.keyItem }}, path: tls.key}
{{- end }}
{{- if .Values.webConfigSecret }}
- secret: {name: {{ .Values.webConfigSecret }}}
{{- else if and $tls.enabled (not .Values.kubeRBACProxy.enabled) }}
- configMap: {name: {{ include "kubecliff.fullname" . }}, items: [{key: web.yml, path: web.yml}]}
{{- end }}
{{- end }}

{{- /* The ConfigMap's keys that the component reads. */}}
{{- define "kubecliff.configItems" -}}
{{- if eq .component "prober" }}
- {key: prober.yml, path: prober.yml}
{{- else if eq .component "node" }}
- {key: kubecliff.yml, path: kubecliff.yml}
{{- if .root.Values.alerting.enabled }}
- {key: alerting.yml, path: alerting.yml}
{{- end }}
{{- end }}
{{- end }}

{{- define "kubecliff.volumes" -}}
{{- $root := .root }}{{ $node := eq .component "node" }}
{{- with include "kubecliff.configItems" . | trim }}
- name: kubecliff-config
  configMap:
    name: {{ include "kubecliff.fullname" $root }}
    items:
      {{- . | nindent 6 }}
{{- end }}
{{- with include "kubecliff.webSources" $root | trim }}
- name: kubecliff-web
  projected:
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- if $node }}
{{- with and $root.Values.alerting.enabled (include "kubecliff.alerting" $root | fromYaml).secrets }}
- name: kubecliff-secrets
  projected:
    {{- /* Nobody but this pod sees it. */}}
    defaultMode: {{ if include "kubecliff.root" $root }}0400{{ else }}0444{{ end }}
    sources:
      {{- range . }}
      - secret: {name: {{ .secret }}, items: [{key: {{ .key }}, path: {{ .secret }}/{{ .key }}}]}
      {{- end }}
{{- end }}
{{- range $name, $host := include "kubecliff.hostPaths" $root | fromYaml }}
- name: kubecliff-{{ $name }}
  hostPath:
    {{- pick $host "path" "type" | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- with .values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kubecliff.mounts" -}}
{{- $root := .root }}
{{- if include "kubecliff.configItems" . }}
- {name: kubecliff-config, mountPath: /etc/kubecliff/config, readOnly: true}
{{- end }}
{{- if and (include "kubecliff.webSources" $root) (not $root.Values.kubeRBACProxy.enabled) }}
- {name: kubecliff-web, mountPath: /etc/kubecliff/web, readOnly: true}
{{- end }}
{{- if eq .component "node" }}
{{- if and $root.Values.alerting.enabled (include "kubecliff.alerting" $root | fromYaml).secrets }}
- {name: kubecliff-secrets, mountPath: /etc/kubecliff/secrets, readOnly: true}
{{- end }}
{{- range $name, $host := include "kubecliff.hostPaths" $root | fromYaml }}
- name: kubecliff-{{ $name }}
  mountPath: {{ $host.path }}
  {{- with omit $host "path" "type" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- with .values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
