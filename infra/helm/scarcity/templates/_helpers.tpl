{{- define "scarcity.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "scarcity.labels" -}}
app.kubernetes.io/name: scarcity
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- /* Labels that select a service's pods; of (root, service). They must never change. */ -}}
{{- define "scarcity.selector" -}}
app.kubernetes.io/name: scarcity
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "scarcity.image" -}}
{{- $root := index . 0 -}}
{{ $root.Values.image.repository }}-{{ index . 1 }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
{{- end -}}

{{- define "scarcity.bootstrap" -}}
{{- $kafka := .Values.kafka -}}
{{- if $kafka.bootstrapServers -}}
{{- $kafka.bootstrapServers -}}
{{- else if $kafka.strimzi.cluster -}}
{{- printf "%s-kafka-bootstrap.%s.svc:%d" $kafka.strimzi.cluster ($kafka.strimzi.namespace | default .Release.Namespace) (int $kafka.strimzi.port) -}}
{{- else -}}
{{- fail "set kafka.bootstrapServers (host:port,…) or kafka.strimzi.cluster" -}}
{{- end -}}
{{- end -}}

{{- /* Strimzi's user operator writes Secrets into its own namespace, where pods of another cannot
       mount them: the Secrets that are named here must lie in the release's namespace. */ -}}
{{- define "scarcity.caSecret" -}}
{{- $kafka := .Values.kafka -}}
{{- if $kafka.security.caSecret -}}
{{- $kafka.security.caSecret -}}
{{- else if $kafka.strimzi.cluster -}}
{{- printf "%s-cluster-ca-cert" $kafka.strimzi.cluster -}}
{{- end -}}
{{- end -}}

{{- define "scarcity.usesTls" -}}
{{- if has .Values.kafka.security.protocol (list "SSL" "SASL_SSL") }}yes{{ end -}}
{{- end -}}

{{- define "scarcity.usesSasl" -}}
{{- if has .Values.kafka.security.protocol (list "SASL_SSL" "SASL_PLAINTEXT") }}yes{{ end -}}
{{- end -}}

{{- /* What every process needs to reach the broker as a principal; of (root, user). */ -}}
{{- define "scarcity.kafkaEnv" -}}
{{- $root := index . 0 -}}
{{- $security := $root.Values.kafka.security -}}
- name: SCARCITY_BOOTSTRAP_SERVERS
  value: {{ include "scarcity.bootstrap" $root | quote }}
- name: SCARCITY_SECURITY_PROTOCOL
  value: {{ $security.protocol }}
{{- if include "scarcity.usesSasl" $root }}
- name: SCARCITY_SASL_MECHANISM
  value: {{ $security.mechanism }}
- name: SCARCITY_SASL_USERNAME
  value: {{ index . 1 }}
- name: SCARCITY_SASL_PASSWORD_FILE
  value: /etc/scarcity/kafka/password
{{- end }}
{{- if and (include "scarcity.usesTls" $root) (include "scarcity.caSecret" $root) }}
- name: SCARCITY_TLS_CA_FILE
  value: /etc/scarcity/kafka-ca/ca.crt
{{- end }}
{{- if eq $security.protocol "SSL" }}
- name: SCARCITY_TLS_CERT_FILE
  value: /etc/scarcity/kafka/user.crt
- name: SCARCITY_TLS_KEY_FILE
  value: /etc/scarcity/kafka/user.key
{{- end }}
{{- end -}}

{{- define "scarcity.kafkaMounts" -}}
{{- if ne .Values.kafka.security.protocol "PLAINTEXT" }}
- name: kafka
  mountPath: /etc/scarcity/kafka
  readOnly: true
{{- end }}
{{- if and (include "scarcity.usesTls" .) (include "scarcity.caSecret" .) }}
- name: kafka-ca
  mountPath: /etc/scarcity/kafka-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- /* Of (root, Secret). */ -}}
{{- define "scarcity.kafkaVolumes" -}}
{{- $root := index . 0 -}}
{{- $security := $root.Values.kafka.security -}}
{{- if ne $security.protocol "PLAINTEXT" }}
- name: kafka
  secret:
    secretName: {{ index . 1 }}
    defaultMode: 0440
    items:
    {{- if include "scarcity.usesSasl" $root }}
      - {key: {{ $security.keys.password }}, path: password}
    {{- else }}
      - {key: {{ $security.keys.certificate }}, path: user.crt}
      - {key: {{ $security.keys.privateKey }}, path: user.key}
    {{- end }}
{{- end }}
{{- if and (include "scarcity.usesTls" $root) (include "scarcity.caSecret" $root) }}
- name: kafka-ca
  secret:
    secretName: {{ include "scarcity.caSecret" $root }}
    defaultMode: 0440
    items:
      - {key: {{ $security.keys.ca }}, path: ca.crt}
{{- end }}
{{- end -}}

{{- /* What Kubernetes' "restricted" profile asks of a pod, and of a container. */ -}}
{{- define "scarcity.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "scarcity.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "scarcity.kafkaPorts" -}}
{{- if .Values.networkPolicy.kafkaPorts -}}
{{- .Values.networkPolicy.kafkaPorts | toJson -}}
{{- else -}}
{{- $ports := list -}}
{{- range splitList "," (include "scarcity.bootstrap" .) -}}
{{- $ports = append $ports (regexFind "[0-9]+$" (trim .) | int) -}}
{{- end -}}
{{- $ports | uniq | toJson -}}
{{- end -}}
{{- end -}}

{{- /* Egress to DNS and the brokers: rules of a NetworkPolicy. */ -}}
{{- define "scarcity.egress" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
- ports:
  {{- range fromJsonArray (include "scarcity.kafkaPorts" .) }}
    - {protocol: TCP, port: {{ int . }}}
  {{- end }}
  {{- with .Values.networkPolicy.kafkaPeers }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
