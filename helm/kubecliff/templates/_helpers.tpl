{{- define "kubecliff.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- /* Short enough for what follows it in names of components. */}}
{{- define "kubecliff.fullname" -}}
{{- $name := include "kubecliff.name" . }}
{{- $release := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) }}
{{- .Values.fullnameOverride | default $release | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "kubecliff.namespace" -}}
{{ .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{- define "kubecliff.selector" -}}
app.kubernetes.io/name: {{ include "kubecliff.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* (list $ LABELS): with the chart's own, which win, so that selectors hold, and commonLabels. */}}
{{- define "kubecliff.labels" -}}
{{- $root := first . }}
{{- $own := include "kubecliff.selector" $root | fromYaml | merge (dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_")
  "app.kubernetes.io/managed-by" $root.Release.Service
  "app.kubernetes.io/version" $root.Chart.AppVersion) }}
{{- merge $own (last .) $root.Values.commonLabels | toYaml }}
{{- end }}

{{- /* Of an object: (list $ NAME LABELS NAMESPACE), of which the last two may be missing or empty. */}}
{{- define "kubecliff.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ and (gt (len .) 3) (last .) | default (include "kubecliff.namespace" $root) }}
labels:
  {{- include "kubecliff.labels" (list $root (index (append . dict) 2)) | nindent 2 }}
{{- end }}

{{- /* (list $ COMPONENT): what belongs to the nodes has the release's name, the rest the component's after it. */}}
{{- define "kubecliff.componentName" -}}
{{ include "kubecliff.fullname" (first .) }}{{ ne (last .) "node" | ternary (printf "-%s" (last .)) "" }}
{{- end }}

{{- define "kubecliff.serviceAccountName" -}}
{{- $own := (first .).Values.serviceAccount.name | default (include "kubecliff.fullname" (first .)) -}}
{{ $own }}{{ ne (last .) "node" | ternary (printf "-%s" (last .)) "" }}
{{- end }}

{{- /* Components that run, as {"node": true, …}. */}}
{{- define "kubecliff.components" -}}
{{- $all := dict "node" (not .Values.sidecar.enabled) "canary" .Values.canary.enabled "prober" .Values.prober.enabled }}
{{- range $component, $runs := $all }}
{{- if $runs }}
{{ $component }}: true
{{- end }}
{{- end }}
{{- end }}

{{- /* (list $ IMAGE): of the digest where there is one. */}}
{{- define "kubecliff.image" -}}
{{- $root := first . }}{{ $image := last . -}}
{{ $root.Values.global.imageRegistry | default $image.registry }}/{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "kubecliff.scheme" -}}
{{ or .Values.kubeRBACProxy.enabled .Values.tlsSecret.enabled | ternary "https" "http" }}
{{- end }}

{{- /* Where the port of the component is, for a program that listens on it: (list $ COMPONENT). */}}
{{- define "kubecliff.address" -}}
{{- $service := (first .).Values.service -}}
{{ and (eq (last .) "node") (not $service.listenOnAllInterfaces) | ternary "$(HOST_IP)" "" }}:{{ $service.port }}
{{- end }}

{{- define "kubecliff.canaryName" -}}
{{ .Values.canary.name | default (printf "%s-canary" (include "kubecliff.fullname" .)) }}
{{- end }}

{{- define "kubecliff.canaryNamespace" -}}
{{ .Values.canary.namespace | default (include "kubecliff.namespace" .) }}
{{- end }}

{{- define "kubecliff.canarySlices" -}}
{{- range .Values.canary.families }}
- {{ include "kubecliff.canaryName" $ }}-{{ . }}
{{- end }}
{{- end }}

{{- /* Capabilities by the collectors that need them, and those of values. */}}
{{- define "kubecliff.capabilities" -}}
{{- $on := .Values.collectors }}
{{- $add := list }}
{{- if or $on.iptables $on.ipvs $on.nftables $on.restore $on.kubeproxy (and $on.conntrack (get $on "conntrack.flows")) }}
{{- $add = append $add "NET_ADMIN" }}
{{- end }}
{{- if $on.restore }}
{{- $add = append $add "SYS_PTRACE" }}
{{- end }}
{{- $context := .Values.containerSecurityContext | default dict }}
{{- concat $add (($context.capabilities | default dict).add | default list) | uniq | toJson }}
{{- end }}

{{- /* Whether the nodes' container takes user 0: "true" or nothing. No other user keeps a capability, may look into
bpffs, or write a folder that kubelet has made on the node. */}}
{{- define "kubecliff.root" -}}
{{- $state := and .Values.alerting.enabled .Values.alerting.pagerduty }}
{{- if or .Values.collectors.dataplane $state (include "kubecliff.capabilities" . | fromJsonArray) }}true{{ end }}
{{- end }}

{{- /* What the nodes' container may, as is written in values, and what follows from the collectors. */}}
{{- define "kubecliff.containerSecurityContext" -}}
{{- $context := deepCopy (.Values.containerSecurityContext | default dict) }}
{{- if not (hasKey $context "runAsUser") }}
{{- $user := include "kubecliff.nobody" . | fromYaml }}
{{- if include "kubecliff.root" . }}
{{- $user = dict "runAsUser" 0 "runAsGroup" 0 }}
{{- end }}
{{- $context = merge $context $user }}
{{- end }}
{{- $capabilities := set ($context.capabilities | default dict) "add" (include "kubecliff.capabilities" . | fromJsonArray) }}
{{- toYaml (set $context "capabilities" $capabilities) }}
{{- end }}

{{- define "kubecliff.nobody" -}}
runAsNonRoot: true
runAsUser: 65534
runAsGroup: 65534
{{- end }}

{{- define "kubecliff.unprivileged" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{ include "kubecliff.nobody" . }}
{{- end }}

{{- /* Files of the nodes that collectors look at: a volume and its mount, in one, by name. */}}
{{- define "kubecliff.hostPaths" -}}
{{- if .Values.collectors.restore }}
# kubelet makes the file where no iptables-legacy has: a missing one would become a folder, which none could lock.
xtables-lock: {path: /run/xtables.lock, type: FileOrCreate, readOnly: true}
{{- end }}
{{- if .Values.collectors.dataplane }}
modules: {path: /lib/modules, readOnly: true}
# An agent may mount it later than this pod starts.
bpf: {path: /sys/fs/bpf, readOnly: true, mountPropagation: HostToContainer}
{{- end }}
{{- if and .Values.alerting.enabled .Values.alerting.pagerduty }}
state: {path: {{ .Values.alerting.stateDirectory }}, type: DirectoryOrCreate}
{{- end }}
{{- end }}

{{- /* The alerting file, with paths in place of references to Secrets, and these: {"file": …, "secrets": […]}. */}}
{{- define "kubecliff.alerting" -}}
{{- $file := omit (deepCopy .Values.alerting) "enabled" "stateDirectory" }}
{{- $labels := dict "job" (include "kubecliff.name" .) "instance" "${NODE_NAME}" "node" "${NODE_NAME}" }}
{{- with .Values.cluster }}
{{- $_ := set $labels "cluster" . }}
{{- end }}
{{- $_ := set $file "labels" (merge $file.labels $labels) }}
{{- if $file.pagerduty }}
{{- $_ := set $file "state-file" (printf "%s/alerts.json" .Values.alerting.stateDirectory) }}
{{- else }}
{{- $_ := unset $file "pagerduty" }}
{{- end }}
{{- $secrets := list }}
{{- range $receiver := concat $file.alertmanagers $file.webhooks (compact (list $file.pagerduty)) }}
{{- range $key, $value := $receiver }}
{{- if kindIs "map" $value }}
{{- $_ := set $receiver $key (printf "/etc/kubecliff/secrets/%s/%s" $value.secret $value.key) }}
{{- $secrets = append $secrets $value | uniq }}
{{- end }}
{{- end }}
{{- end }}
{{- dict "file" $file "secrets" $secrets | toYaml }}
{{- end }}

{{- /* The nodes' configuration file. */}}
{{- define "kubecliff.config" -}}
{{- $config := deepCopy .Values.config }}
{{- range $key, $value := pick $config "process.seccomp" }}
{{- /* YAML reads off as false. */}}
{{- $_ := set $config $key (kindIs "bool" $value | ternary "off" $value) }}
{{- end }}
{{- range $name, $on := .Values.collectors }}
{{- $_ := set $config (printf "collector.%s" $name) $on }}
{{- end }}
{{- if .Values.collectors.propagation }}
{{- $_ := set $config "collector.propagation.service" (include "kubecliff.canaryName" .) }}
{{- $_ := set $config "collector.propagation.namespace" (include "kubecliff.canaryNamespace" .) }}
{{- $_ := set $config "collector.propagation.families" (join "," .Values.canary.families) }}
{{- end }}
{{- if .Values.alerting.enabled }}
{{- $_ := set $config "alerting.config" "/etc/kubecliff/config/alerting.yml" }}
{{- end }}
{{- with .Values.runbooks }}
{{- $_ := set $config "alerting.runbooks" . }}
{{- end }}
{{- $thresholds := list }}
{{- range $check, $bounds := .Values.thresholds }}
{{- $record := dict "check" $check }}
{{- range $key, $bound := $bounds }}
{{- /* YAML reads off as false. */}}
{{- $_ := set $record $key (kindIs "bool" $bound | ternary "off" $bound) }}
{{- end }}
{{- $thresholds = append $thresholds $record }}
{{- end }}
{{- toYaml (set $config "alerting.thresholds" $thresholds) }}
{{- end }}

{{- /* The files of the ConfigMap. */}}
{{- define "kubecliff.files" -}}
kubecliff.yml: |
  {{- include "kubecliff.config" . | nindent 2 }}
{{- if .Values.alerting.enabled }}
alerting.yml: |
  {{- (include "kubecliff.alerting" . | fromYaml).file | toYaml | nindent 2 }}
{{- end }}
{{- if .Values.prober.enabled }}
prober.yml: |
  {{- toYaml .Values.prober.config | nindent 2 }}
{{- end }}
{{- if and .Values.tlsSecret.enabled (not .Values.webConfigSecret) (not .Values.kubeRBACProxy.enabled) }}
web.yml: |
  tls_server_config: {cert_file: tls.crt, key_file: tls.key}
{{- end }}
{{- end }}
