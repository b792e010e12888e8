{{- /* The alerts that there are, and their severities: {"KubecliffConntrackUse": {"warning": true, …}, …}. */}}
{{- define "kubecliff.alerts" -}}
{{- $alerts := dict }}
{{- range $path, $content := .Files.Glob "files/rules/*.yaml" }}
{{- range $group := (fromYaml (toString $content)).groups }}
{{- range $rule := $group.rules }}
{{- with $rule.alert }}
{{- $_ := set $alerts . (set (get $alerts . | default dict) $rule.labels.severity true) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $alerts }}
{{- end }}

{{- define "kubecliff.alertOfCheck" -}}
Kubecliff{{ camelcase . }}
{{- end }}

{{- /* One rule as values change it, or nothing: (list $ RULE CHANGES), CHANGES by `thresholds` and by the alert's name. */}}
{{- define "kubecliff.rule" -}}
{{- $root := index . 0 }}{{ $rule := index . 1 }}{{ $bounds := index . 2 }}
{{- $severity := $rule.labels.severity }}
{{- $changes := deepCopy (get $root.Values.prometheus.rules.alerts $rule.alert | default dict) }}
{{- $changes = mergeOverwrite $changes (get $changes $severity | default dict) }}
{{- $off := has (get $bounds $severity | toString) (list "off" "false") }}
{{- if and (not $off) (ne (toString $changes.enabled) "false") }}
{{- with get $bounds (printf "%s-for" $severity) }}
{{- $_ := set $rule "for" . }}
{{- end }}
{{- with $root.Values.runbooks }}
{{- $_ := set $rule.annotations "runbook_url" (regexReplaceAll "^.*/" $rule.annotations.runbook_url .) }}
{{- end }}
{{- mergeOverwrite $rule (pick $changes "for" "keep_firing_for" "labels" "annotations") | toYaml }}
{{- end }}
{{- end }}

{{- /* The groups of a file of rules, as values change them: (list $ CONTENT). Texts of rules are templates of Prometheus,
and pass as they are. */}}
{{- define "kubecliff.groups" -}}
{{- $root := first . }}
{{- $bounds := dict }}
{{- range $check, $its := $root.Values.thresholds }}
{{- $_ := set $bounds (include "kubecliff.alertOfCheck" $check) $its }}
{{- end }}
{{- $groups := list }}
{{- range $group := (fromYaml (toString (last .))).groups }}
{{- $rules := list }}
{{- range $rule := $group.rules }}
{{- if $rule.alert }}
{{- $rule = include "kubecliff.rule" (list $root $rule (get $bounds $rule.alert | default dict)) | fromYaml }}
{{- end }}
{{- with $rule }}
{{- $rules = append $rules . }}
{{- end }}
{{- end }}
{{- if $rules }}
{{- $groups = append $groups (set $group "rules" $rules) }}
{{- end }}
{{- end }}
{{- toYaml $groups }}
{{- end }}
