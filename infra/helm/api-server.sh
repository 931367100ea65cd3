#!/usr/bin/env bash
# A real Kubernetes API server on this machine, without a cluster: what the chart is tried against.
#
#   infra/helm/api-server.sh build DIR   # kube-apiserver and kubectl from Go modules: minutes, 5 GB of caches
#   infra/helm/api-server.sh up DIR      # etcd and the server, on the loopback; prints the KUBECONFIG
#   infra/helm/api-server.sh down DIR
#
# Needs go for `build`, and etcd (Debian: etcd-server) and openssl for `up`.
set -euo pipefail

VERSION=${KUBERNETES_VERSION:-1.34.4}
PORT=${API_PORT:-16443}
ETCD_PORT=${ETCD_PORT:-12379}

build() {
  cd "$1"
  echo "module lab" >go.mod
  local theirs
  theirs=$(go mod download -json "k8s.io/kubernetes@v$VERSION" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
  # Kubernetes builds its staging modules from its own tree (v0.0.0); outside of it they have versions.
  {
    echo "module lab"
    grep -E '^(go|godebug) ' "$theirs"
    echo "require k8s.io/kubernetes v$VERSION"
    grep -oE 'k8s\.io/[a-z-]+ v0\.0\.0$' "$theirs" | while read -r module _; do
      echo "replace $module => $module v0.${VERSION#*.}"
    done
  } >go.mod
  local part
  for part in kube-apiserver kubectl; do
    GOFLAGS='-buildvcs=false -mod=mod' go build -o "$part" \
      -ldflags "-X k8s.io/component-base/version.gitVersion=v$VERSION" "k8s.io/kubernetes/cmd/$part"
  done
}

up() {
  cd "$1"
  rm -rf run
  mkdir run
  openssl genrsa -out run/accounts.key 2048 2>/dev/null
  openssl rsa -in run/accounts.key -pubout -out run/accounts.pub 2>/dev/null
  local token
  token=$(openssl rand -hex 16)
  echo "$token,admin,1,\"system:masters\"" >run/tokens.csv
  etcd --data-dir run/etcd --listen-client-urls "http://127.0.0.1:$ETCD_PORT" \
    --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
    --listen-peer-urls "http://127.0.0.1:$((ETCD_PORT + 1))" >run/etcd.log 2>&1 &
  echo $! >run/etcd.pid
  # Without a controller manager no namespace gets its default account: the plugin would wait for it.
  ./kube-apiserver --etcd-servers="http://127.0.0.1:$ETCD_PORT" --cert-dir=run/certificates \
    --bind-address=127.0.0.1 --secure-port="$PORT" --token-auth-file=run/tokens.csv \
    --authorization-mode=RBAC --disable-admission-plugins=ServiceAccount \
    --service-account-issuer=https://lab --service-account-key-file=run/accounts.pub \
    --service-account-signing-key-file=run/accounts.key \
    --service-cluster-ip-range=10.96.0.0/16 >run/api.log 2>&1 &
  echo $! >run/api.pid
  cat >run/kubeconfig <<EOF
apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:$PORT", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: lab, context: {cluster: lab, user: admin}}]
current-context: lab
EOF
  for _ in $(seq 60); do
    if ./kubectl --kubeconfig run/kubeconfig get --raw /readyz >/dev/null 2>&1; then
      echo "export KUBECONFIG=$PWD/run/kubeconfig PATH=$PWD:\$PATH"
      return
    fi
    sleep 1
  done
  echo "no API server after a minute: $PWD/run/api.log" >&2
  return 1
}

down() {
  cd "$1"
  local part
  for part in api etcd; do
    kill "$(cat run/$part.pid)" || true
  done
}

case "${1-} ${2-}" in
  "build "?* | "up "?* | "down "?*) mkdir -p "$2" && "$1" "$2" ;;
  *) sed -n '2,8p' "$0" && exit 2 ;;
esac
