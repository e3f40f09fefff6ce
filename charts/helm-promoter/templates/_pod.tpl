{{- define "helm-promoter.podMetadata" -}}
labels:
  {{- include "helm-promoter.labels" . | nindent 2 }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ toYaml .Values.config | sha256sum }}
  {{- with .Values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "helm-promoter.podSpec" -}}
serviceAccountName: {{ include "helm-promoter.serviceAccount" . }}
automountServiceAccountToken: {{ not (empty (include "helm-promoter.namespaces" . | fromJsonArray)) }}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
containers:
  - name: helm-promoter
    image: {{ include "helm-promoter.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
      - run
      - --config=/etc/helm-promoter/config.yaml
      {{- if eq .Values.mode "deployment" }}
      - --listen=:{{ .Values.port }}
      {{- else }}
      - --once
      {{- end }}
      {{- if .Values.dryRun }}
      - --dry-run
      {{- end }}
    env:
      - name: XDG_CACHE_HOME
        value: /cache
      {{- with .Values.extraEnv }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .Values.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- if eq .Values.mode "deployment" }}
    ports:
      - name: http
        containerPort: {{ .Values.port }}
    livenessProbe:
      httpGet: {path: /healthz, port: http}
      initialDelaySeconds: 10
      periodSeconds: 15
      timeoutSeconds: 5
    readinessProbe:
      httpGet: {path: /readyz, port: http}
      periodSeconds: 5
      timeoutSeconds: 5
    {{- end }}
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/helm-promoter
        readOnly: true
      - name: cache
        mountPath: /cache
      - name: tmp
        mountPath: /tmp
      {{- range $index, $name := .Values.secrets }}
      - name: secret-{{ $index }}
        mountPath: /var/run/secrets/helm-promoter/{{ $name }}
        readOnly: true
      {{- end }}
      {{- with .Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap:
      name: {{ include "helm-promoter.fullname" . }}
  - name: cache
    emptyDir:
      sizeLimit: {{ .Values.cache.sizeLimit }}
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
  {{- range $index, $name := .Values.secrets }}
  - name: secret-{{ $index }}
    secret:
      secretName: {{ $name }}
      defaultMode: 0440
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
